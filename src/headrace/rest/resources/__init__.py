"""The handlers, one file per family of paths; each has `resources(herder, …) -> list[Resource]`."""
