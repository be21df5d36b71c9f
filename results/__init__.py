"""The record: store, frames, statistics, figures, report. Loads neither torch nor ray."""
