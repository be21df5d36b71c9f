"""Commands that read a record: none of them searches."""
