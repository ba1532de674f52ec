"""`restyle upload` and `restyle download`: files between the local disk and the data store."""

import argparse
from collections import Counter
from pathlib import Path

from flows.request import BLOB
from restyle.commands.options import writable
from restyle.commands.progress import showing_progress
from restyle.downloading import download as fetch
from restyle.errors import BadSetting
from restyle.layout import segment_name
from restyle.storage import check_key
from restyle.uploading import require_file
from restyle.uploading import upload as send
from tasks.stores import open_stores


def upload(options: argparse.Namespace) -> int:
    """Upload the files; prints a line for each: what it became, as other commands take it."""
    files = [Path(name) for name in options.files]
    keys = _keys(files, options.to.removeprefix(BLOB))
    for file in files:
        require_file(file)
    data = open_stores().data
    for file, key in zip(files, keys, strict=True):
        with showing_progress():
            send(data, file, key)
        print(f"{BLOB}{key}", flush=True)
    return 0


def download(options: argparse.Namespace) -> int:
    """Download the blobs; prints a line for each: the absolute path of its file."""
    keys = [check_key(key.removeprefix(BLOB)) for key in options.keys]
    targets = _targets(keys, options.output)
    data = open_stores().data
    for key, target in zip(keys, targets, strict=True):
        with showing_progress():
            fetch(data, key, target)
        print(target, flush=True)
    return 0


def _keys(files: list[Path], to: str) -> list[str]:
    """Where each file goes. Raises BadKey, and BadSetting where two would meet."""
    if not to.endswith("/"):
        if len(files) > 1:
            raise BadSetting(f"--to {to}: the key of one file, and there are {len(files)}; end a prefix in '/'")
        return [check_key(to)]
    keys = [check_key(to + segment_name(file.name)) for file in files]
    _require_apart(keys, "upload them apart, --to different prefixes")
    return keys


def _targets(keys: list[str], output: str) -> list[Path]:
    """The file of each key. Raises UnsupportedOutput, and BadSetting where two would meet."""
    place, names = Path(output), [key.rpartition("/")[2] for key in keys]
    if not place.is_dir() and not output.endswith("/"):
        if len(keys) > 1:
            raise BadSetting(f"-o {output}: no folder, and there are {len(keys)} keys; name a folder that exists")
        return [writable(place, names[0])]
    _require_apart(names, "download them apart, into different folders")
    return [writable(place / name, name) for name in names]


def _require_apart(names: list[str], remedy: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise BadSetting(f"{name}: {count} files would have this name; {remedy}")
