#!/usr/bin/env python3
"""Makes or updates a lake of Delta tables of an archive of Sluice: runs bronze.sql, silver.sql, gold.sql and checks.sql.

On a laptop: `pip install pyspark==4.1.1 delta-spark==4.4.0`, and Java 17. On a cluster: `spark-submit lake/spark/run.py ...`, where
Delta is configured. The SQL files run by themselves as well: `spark-sql -d archive=... -d lake=... -f lake/spark/bronze.sql`.
"""
import argparse
import pathlib
import re
import sys
import time

FOLDER = pathlib.Path(__file__).parent
LAYERS = ("bronze", "silver", "gold", "checks")


def session(master, options):
    """A Spark session that knows Delta; on a cluster, the one that it gives."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("sluice lake")
    if master:
        from delta import configure_spark_with_delta_pip

        builder = (
            builder.master(master)
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        )
        for name, value in options:
            builder = builder.config(name, value)
        builder = configure_spark_with_delta_pip(builder)
    return builder.getOrCreate()


def statements(text):
    """The statements of a file; none of ours has a semicolon at the end of a line but where it ends."""
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [statement for statement in re.split(r";\s*(?:\n|$)", bare) if statement.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", help="ARCHIVE_URL as Spark spells it (s3a://bucket/prefix), or a folder that it was copied to")
    parser.add_argument("lake", help="where the tables are: a folder, or a place in object storage")
    parser.add_argument("--checks", help="where the checksums go, for sluice lake verify (default: LAKE/checks)")
    parser.add_argument("--master", default="local[*]", help="empty on a cluster (default: %(default)s)")
    parser.add_argument("--conf", action="append", default=[], metavar="NAME=VALUE", help="a setting of Spark; may be repeated")
    parser.add_argument("--only", choices=LAYERS, help="only this one")
    given = parser.parse_args()
    spark = session(given.master, [pair.split("=", 1) for pair in given.conf])
    lake = given.lake.rstrip("/")
    variables = {"archive": given.archive.rstrip("/"), "lake": lake, "checks": given.checks or f"{lake}/checks"}
    for name, value in variables.items():
        spark.conf.set(name, value)
    for layer in LAYERS:
        if given.only in (None, layer):
            began = time.monotonic()
            for statement in statements((FOLDER / f"{layer}.sql").read_text()):
                try:
                    spark.sql(statement)
                except Exception as error:
                    if "PATH_NOT_FOUND" not in str(error):
                        raise
                    sys.exit(
                        f"{error}\nThe archive has nothing of this for a lake yet: `sluice lake write` writes it, or a collector with "
                        "LAKE=on; of a day, when it is over."
                    )
            print(f"{layer}\t{time.monotonic() - began:.1f} s", flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
