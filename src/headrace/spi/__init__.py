"""What an author of connectors, transforms, predicates and converters imports."""

from headrace.config import ConfigDef, ConfigType, ConfigValue, Importance, Width
from headrace.data import (
    ConnectRecord,
    Header,
    Headers,
    Schema,
    SchemaAndValue,
    SchemaBuilder,
    SinkRecord,
    SourceRecord,
    Struct,
)
from headrace.errors import (
    ConfigException,
    ConnectException,
    DataException,
    RetriableException,
    SchemaBuilderException,
)
from headrace.spi.columns import Column, PackedColumn
from headrace.spi.component import Component
from headrace.spi.connector import Connector, ExactlyOnceSupport, SinkConnector, SourceConnector
from headrace.spi.context import (
    ConnectorContext,
    ErrantRecordReporter,
    OffsetReader,
    PluginMetrics,
    SinkTaskContext,
    SourceTaskContext,
    TopicPartition,
    TopicReader,
    TransactionContext,
)
from headrace.spi.converter import Converter, HeaderConverter
from headrace.spi.provider import ConfigData, ConfigProvider
from headrace.spi.sink import SinkTask
from headrace.spi.source import SourceTask
from headrace.spi.transform import Predicate, Transform

__all__ = [
    "Column",
    "Component",
    "ConfigData",
    "ConfigDef",
    "ConfigException",
    "ConfigProvider",
    "ConfigType",
    "ConfigValue",
    "ConnectException",
    "ConnectRecord",
    "Connector",
    "ConnectorContext",
    "Converter",
    "DataException",
    "ErrantRecordReporter",
    "ExactlyOnceSupport",
    "Header",
    "HeaderConverter",
    "Headers",
    "Importance",
    "OffsetReader",
    "PackedColumn",
    "PluginMetrics",
    "Predicate",
    "RetriableException",
    "Schema",
    "SchemaAndValue",
    "SchemaBuilder",
    "SchemaBuilderException",
    "SinkConnector",
    "SinkRecord",
    "SinkTask",
    "SinkTaskContext",
    "SourceConnector",
    "SourceRecord",
    "SourceTask",
    "SourceTaskContext",
    "Struct",
    "TopicPartition",
    "TopicReader",
    "TransactionContext",
    "Transform",
    "Width",
]
