"""Validation: the facts of a data set, judged and told."""
