"""The settings, declared once: parsing, validation, forms and `headrace config check` come from here."""

from headrace.config.validators import at_least, between
from headrace.spi import ConfigDef, ConfigType, Importance

VERSION = "1.0.0"

SETTINGS = (
    ConfigDef()
    .define("target.hostname", ConfigType.STRING, importance=Importance.HIGH, documentation="Host of the database.")
    .define(
        "target.port",
        ConfigType.INT,
        3306,
        between(1, 65535),
        Importance.HIGH,
        "Port of the database. The default is that of MySQL; PostgreSQL listens on 5432.",
    )
    .define("target.database", ConfigType.STRING, importance=Importance.HIGH, documentation="Database to write to.")
    .define("target.username", ConfigType.STRING, importance=Importance.HIGH, documentation="User to write as.")
    .define("target.password", ConfigType.PASSWORD, importance=Importance.HIGH, documentation="The user's password.")
    .define("batch.size", ConfigType.INT, 1000, at_least(1), documentation="So many records are written at once.")
    .define(
        "flush.timeout.ms",
        ConfigType.LONG,
        5000,
        at_least(0),
        documentation="A record waits no longer than this for others to be written with.",
    )
    .define("auto.create", ConfigType.BOOLEAN, True, documentation="Create a missing table from the record's schemas.")
    .define(
        "delete.enabled",
        ConfigType.BOOLEAN,
        False,
        documentation="Delete the row when a record's value is null. Otherwise such records have no effect.",
    )
)
