# Shared settings of the peer measurements; source it. Everything is on loopback, data under $SCRATCH.
export PGHOST=127.0.0.1 PGPORT=25432 PGUSER=postgres PGDATABASE=peer REDIS_PORT=26379
export SCRATCH=${SCRATCH:-/var/tmp/prosa-peers}; mkdir -p "$SCRATCH"
export PGBIN=/usr/lib/postgresql/15/bin
export NODE_MODULES=${NODE_MODULES:-$SCRATCH/npmbench/node_modules}
PEERS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=$SCRATCH/peerbin; mkdir -p $BIN
# the middle value of the numbers on stdin
median() { sort -g | awk '{v[NR]=$1} END{print (NR%2)? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
wait_port() { for _ in $(seq 1 ${2:-100}); do (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && return 0; sleep 0.1; done; echo "port $1 never opened" >&2; return 1; }
# wait (at most 90 s) for a second in which the machine is under 10 % busy: other work here would spoil a run
quiet() { local i a b; for i in $(seq 1 90); do a=$(awk '/^cpu /{print $5+$6}' /proc/stat); sleep 1; b=$(awk '/^cpu /{print $5+$6}' /proc/stat); [ $((b-a)) -ge $(( $(nproc)*90 )) ] && return 0; done; echo "(not quiet)"; }
