"""The DBS API, version 2019-03-06: what may be called, how it is signed, paced and retried, and what answers mean."""
