# Sourced by the image of the database as the last step of a first start: from here on the database is whole.
sync
rm -f "${DATABASE_MARK:-/start/begun}"
sync
