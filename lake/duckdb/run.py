#!/usr/bin/env python3
"""Makes or updates a lake in DuckDB of an archive of Sluice: runs bronze.sql, silver.sql, gold.sql and checks.sql.

Needs `pip install duckdb==1.5.5`, and for an archive in object storage `duckdb-extension-httpfs==1.5.5`. Keys of the object storage
come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, its address from AWS_ENDPOINT_URL, where it is not AWS.
"""
import argparse
import os
import pathlib
import sys
import time
import urllib.parse

import duckdb

FOLDER = pathlib.Path(__file__).parent
LAYERS = ("bronze", "silver", "gold", "checks")


def open_object_storage(lake):
    """Brings what reads s3:// into a connection: from its package, as extensions cannot be downloaded everywhere."""
    try:
        import duckdb_extension_httpfs

        folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
        lake.load_extension(str(next(folder.rglob("httpfs.duckdb_extension"))))
    except ImportError:
        lake.install_extension("httpfs")
        lake.load_extension("httpfs")
    secret = {
        "KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID"),
        "SECRET": os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "REGION": os.environ.get("AWS_REGION"),
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        url = urllib.parse.urlparse(endpoint)
        secret.update(ENDPOINT=url.netloc, URL_STYLE="path")
        secret["USE_SSL"] = str(url.scheme == "https").lower()
    settings = ", ".join(f"{name} '{value}'" for name, value in secret.items() if value)
    lake.sql(f"CREATE SECRET (TYPE s3, {settings})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", help="s3://bucket/prefix of ARCHIVE_URL, or a folder that it was copied to")
    parser.add_argument("--lake", default="lake.duckdb", help="the database file (default: %(default)s)")
    parser.add_argument("--checks", default="checks.json", help="where the checksums go, for sluice lake verify (default: %(default)s)")
    parser.add_argument("--only", choices=LAYERS, help="only this one")
    given = parser.parse_args()
    lake = duckdb.connect(given.lake)
    if given.archive.startswith("s3://"):
        open_object_storage(lake)
    lake.execute("SET VARIABLE archive = $1", [given.archive.rstrip("/")])
    lake.execute("SET VARIABLE checks = $1", [given.checks])
    for layer in LAYERS:
        if given.only in (None, layer):
            began = time.monotonic()
            try:
                lake.execute((FOLDER / f"{layer}.sql").read_text())
            except duckdb.IOException as error:
                if "No files found" not in str(error):
                    raise
                sys.exit(
                    f"{error}\nThe archive has nothing of this for a lake yet: `sluice lake write` writes it, or a collector with LAKE=on; "
                    "of a day, when it is over."
                )
            print(f"{layer}\t{time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
