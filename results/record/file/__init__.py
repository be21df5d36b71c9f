"""The file of a store: how it is opened, locked, migrated and watched."""
