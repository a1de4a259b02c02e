#!/usr/bin/env bash
# demo.sh: pg_mosaic at work on real data, in a private server under build/demo.
#
#   tools/demo.sh        install what is missing, build, start the server, run tools/demo.sql
#   tools/demo.sh psql   open psql there
#   tools/demo.sh stop   stop the server
#   tools/demo.sh reset  stop it and remove all that the demo made
#
# Each run drops the extension and creates it anew, so that the demo always shows the same; keep
# your own experiments in another database of that server. The system's own PostgreSQL is not touched.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

load_images() {
  local count
  count=$(cluster_psql "$DEMO" -d demo -At -c "SELECT count(*) FROM fashion" 2>/dev/null) || count=0
  if [ "$count" = 10000 ]; then
    say "  10,000 images are there from an earlier run"
    return
  fi
  cluster_psql "$DEMO" -d demo -q -e <<'SQL'
DROP TABLE IF EXISTS fashion;
CREATE TABLE fashion (id int PRIMARY KEY, label int NOT NULL, pixels real[] NOT NULL);
SQL
  say "\\copy fashion FROM PROGRAM 'tools/fashion_mnist.py'"
  as_worker tools/fashion_mnist.py | cluster_psql "$DEMO" -d demo -c "\\copy fashion FROM pstdin" ||
    die "the images could not be loaded" "is the package dataset-fashion-mnist complete? apt-get install --reinstall dataset-fashion-mnist"
  cluster_psql "$DEMO" -d demo -q -e -c "VACUUM ANALYZE fashion"
}

run() {
  # shellcheck disable=SC2086 # lists of words
  install_packages "build and run the demo" $PACKAGES_BUILD $PACKAGES_DEMO
  prepare_tree release demo
  DEMO=$TREE/build/demo
  build_release pg_mosaic sql_script
  headline "Starting a private server in $DEMO"
  cluster_start "$DEMO" "shared_buffers = 256MB"
  cluster_psql "$DEMO" -d postgres -At -c "SELECT 1 FROM pg_database WHERE datname = 'demo'" | grep -q 1 ||
    cluster_psql "$DEMO" -d postgres -q -c "CREATE DATABASE demo"
  headline "Loading the 10,000 test images of Fashion-MNIST"
  load_images
  headline "The demo, tools/demo.sql"
  cluster_psql "$DEMO" -d demo -e -P footer=off -v data="$TREE/test/data" -f tools/demo.sql ||
    die "a statement of tools/demo.sql" "its error is above; the server's log: $DEMO/server.log; to start from nothing: tools/demo.sh reset"
  headline "Done in $((SECONDS - START)) s. The server goes on running; to explore further:"
  say "  psql -h $(cluster_socket "$DEMO") -U postgres demo       (or: tools/demo.sh psql)"
  say "To stop it:  tools/demo.sh stop"
}

case ${1:-run} in
  run) run ;;
  psql | stop | reset)
    find_tree
    DEMO=$TREE/build/demo
    case $1 in
      psql) cluster_psql "$DEMO" -d demo "${@:2}" || exit $? ;;
      stop) cluster_stop "$DEMO" && say "The server is stopped." ;;
      reset) cluster_stop "$DEMO" && rm -rf "$DEMO" "$(cluster_socket "$DEMO")" && say "Nothing is left of the demo." ;;
    esac ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
