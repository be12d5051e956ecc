"""`python -m dbs_exporter` is `dbs-exporter`."""

from dbs_exporter.cli.main import main

if __name__ == "__main__":
    main()
