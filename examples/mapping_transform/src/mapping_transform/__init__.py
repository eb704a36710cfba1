"""A transform that renames fields, applies business rules and validates."""

from mapping_transform.transform import MappingTransform

__version__ = "1.0.0"
__all__ = ["MappingTransform"]
