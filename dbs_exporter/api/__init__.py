"""The client of the DBS API, version 2019-03-06: operations, signatures, pacing, retries, answers."""
