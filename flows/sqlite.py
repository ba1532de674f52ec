"""Imported by a Prefect server of ours: each transaction takes SQLite's write lock as it begins, and so waits its turn.

Prefect begins most of them by reading. Where another one writes in between, SQLite refuses at once what the first
writes (SQLITE_BUSY_SNAPSHOT), the client is answered 503, and with twenty runs at once some client gives up before it
has met a quiet moment.
"""

from contextlib import AbstractAsyncContextManager

from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

_begin = AioSqliteConfiguration.begin_transaction


def _begin_to_write(
    self: AioSqliteConfiguration,
    session: AsyncSession,
    with_for_update: bool = False,  # noqa: ARG001  (what Prefect calls it with)
) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
    return _begin(self, session, with_for_update=True)


AioSqliteConfiguration.begin_transaction = _begin_to_write  # type: ignore[assignment, method-assign]
