"""A transform over Arrow data: drops small amounts and says which bucket the others are in."""

from arrow_transform.transform import BucketTransform

__version__ = "1.0.0"
__all__ = ["BucketTransform"]
