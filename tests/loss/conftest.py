"""The database and settings of the PostgreSQL source's tests."""

from tests.regressions.conftest import pipe as pipe
from tests.sources.postgres.conftest import database as database
from tests.sources.postgres.conftest import props as props
from tests.sources.postgres.conftest import sql as sql
