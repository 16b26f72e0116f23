"""What the use cases need of the world, as small Protocols; each has its adapters under the same name."""
