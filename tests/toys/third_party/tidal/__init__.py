"""A domain package that advsci knows nothing of: gauges of the tide."""
