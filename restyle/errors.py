"""Every error restyle raises on purpose, drawn as one tree; its branches decide exit code and retry.

A message names the input, says what is wrong with it and what to do. Arguments go positionally to
``super().__init__``, so that an error survives the pickling between a worker and the flow.
"""

from collections.abc import Sequence


class RestyleError(Exception):
    """Something restyle can explain in one sentence."""

    exit_code = 1


class InputError(RestyleError):
    """The user's input or options are wrong: known before any work is done, retrying cannot help."""

    exit_code = 2


class UnsupportedMedia(InputError):
    """A file that is not a video restyle can read, or that exceeds a stated limit."""


class UnsupportedOutput(InputError):
    """An output that cannot be written: path, container or codec."""


class UnknownStyle(InputError):
    """A style name that is neither shipped nor in the control store."""


class BadCheckpoint(InputError):
    """A style file that is not the network it should be."""


class BadPainting(InputError):
    """A file that is not a picture a style can be learned from."""


class BadModel(InputError):
    """A model of the user's own that cannot be loaded, or does not keep its promise."""


class BadKey(InputError):
    """A store key that is empty, too long, absolute, climbs out of its store or holds control characters."""


class UnknownJob(InputError):
    """A job that the control store knows nothing of."""


class NothingToMove(InputError):
    """A file or a key to upload or download that is not there, is no file, or may not be read."""


class KeyTaken(InputError):
    """An upload met another file under its key."""


class BadSetting(InputError):
    """A RESTYLE_* variable or an option that cannot be used."""


class OrderRefused(InputError):
    """What was dropped into the store asks for something that cannot be done; the same again never will be."""


class NotEnoughDisk(InputError):
    """Too little free disk to begin."""


class StorageError(RestyleError):
    """A store refused or failed an operation."""


class BlobNotFound(StorageError):
    """No blob has this key."""


class BlobExists(StorageError):
    """Create-if-absent met a blob that is there already."""


class BlobChanged(StorageError):
    """Replace-if-unchanged met another ETag."""


class AccessDenied(StorageError):
    """The store refused the credentials or the right."""


class StoreUnavailable(StorageError):
    """The store did not answer, or not in time: worth another try."""


class ServerUnavailable(RestyleError):
    """The Prefect server did not take a run, for a reason that lies not in the run: worth another try."""


class MediaError(RestyleError):
    """Decoding, encoding or muxing failed although the input had been accepted."""


class DecodingFailed(MediaError):
    """The decoder process failed, hung or gave other frames than the probe counted."""


class EncodingFailed(MediaError):
    """ffmpeg failed; the message ends with the tail of what it said."""


class DiskFull(RestyleError):
    """A disk filled up during the run: what is finished stays, the same command resumes it."""


class SourceChanged(RestyleError):
    """The source is not what it was when the run began; nothing painted of it in this run counts."""


class FrameCorrupt(RestyleError):
    """A stored frame is missing, unreadable, or not the bytes its record names."""


class JobDisagrees(RestyleError):
    """Something a job stored is not what was recorded of it."""


class PromiseBroken(RestyleError):
    """Faults on purpose met something that did not come back as it should."""


class BudgetReached(RestyleError):
    """A run ended before it would cost more than it may; what is painted is kept."""


class BatchesFailed(RestyleError):
    """Some batches of a run could not be painted; the others are finished and recorded."""


class OutOfMemory(RestyleError):
    """A mini-batch does not fit into the memory of the device that paints."""


class RunStopped(RestyleError):
    """Somebody cancelled the run, or it goes on elsewhere: what is finished stays."""


class WorkerDied(RestyleError):
    """Every worker process that tried a piece of work died of it."""


class LedgerUnbalanced(RestyleError):
    """The recorded batches do not hold every frame exactly once."""


class TrainingDiverged(RestyleError):
    """A training's loss exploded or is no longer a number; the best style until then is kept."""


class PlanMismatch(RestyleError):
    """This machine cannot paint as the job's plan says (another device kind or precision)."""


def shortened(items: Sequence[str], separator: str, most: int = 10) -> str:
    """The first items of a list for a message, and how many more there are."""
    more = f"{separator}and {len(items) - most} more" if len(items) > most else ""
    return separator.join(items[:most]) + more


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: a store out of reach, a broken connection, a passing shortage."""
    return isinstance(error, StoreUnavailable | ConnectionError | TimeoutError)
