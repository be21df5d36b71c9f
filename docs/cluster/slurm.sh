#!/usr/bin/env bash
# A search on SLURM. In a checkout on a file system that all nodes see, after ./scripts/environment there:
#     sbatch docs/cluster/slurm.sh quick
#     sbatch --nodes=8 --cpus-per-task=32 docs/cluster/slurm.sh laptop runs/laptop.sqlite
# Submit it again to go on with a search that ran out of time. Further arguments go to `gatewright search`.
#SBATCH --job-name=gatewright
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=B:INT@120
set -euo pipefail

study=${1:-quick}
store=${2:-runs/$(basename "$study" .toml).sqlite}
shift $(($# < 2 ? $# : 2))
checkout=${GATEWRIGHT_CHECKOUT:-${SLURM_SUBMIT_DIR:?run this with sbatch}}
cd "$checkout"
export PATH="$checkout/.venv/bin:$PATH"

# A token of this job alone; srun hands the environment on to every node.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
export RAY_health_check_period_ms=2000 RAY_health_check_timeout_ms=3000 RAY_health_check_failure_threshold=3

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
# The batch script runs on the first node. GATEWRIGHT_IP chooses among several networks.
ip=${GATEWRIGHT_IP:-$(hostname -I | cut -d' ' -f1)}
port=${GATEWRIGHT_PORT:-$((20000 + SLURM_JOB_ID % 10000))}
# Below /tmp, since paths of Ray's sockets must be short, and not Ray's own /tmp/ray, which may be another user's.
common="--block --disable-usage-stats --num-cpus=${SLURM_CPUS_PER_TASK:-1} --temp-dir=/tmp/ray-$SLURM_JOB_ID-\$SLURM_NODEID"

started=()
stop() {
    kill "${started[@]}" 2> /dev/null || true
    wait "${started[@]}" 2> /dev/null || true
}
trap stop EXIT

srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" \
    bash -c "exec ray start --head --node-ip-address=$ip --port=$port --include-dashboard=false $common" &
started+=($!)
for ((tries = 0; ; tries++)); do
    if (exec 3<> "/dev/tcp/$ip/$port") 2> /dev/null; then break; fi
    if ((tries >= 120)) || ! kill -0 "${started[0]}" 2> /dev/null; then
        echo "slurm.sh: Ray did not start on ${nodes[0]} at $ip:$port; see the lines above" >&2
        exit 1
    fi
    sleep 1
done
# The others join when they can: the search uses each from then on.
others=$((${#nodes[@]} - 1))
if ((others)); then
    srun --nodes="$others" --ntasks="$others" --exclude="${nodes[0]}" \
        bash -c "exec ray start --address=$ip:$port $common" &
    started+=($!)
fi

resume=()
if [ -s "$store" ]; then resume=(--resume); fi
mkdir -p "$(dirname "$store")"
# In the background, so that the signal before the end of the job's time reaches the trap.
gatewright search "$study" --address "$ip:$port" --store "$store" "${resume[@]}" "$@" &
search=$!
trap 'kill -INT "$search" 2> /dev/null || true' INT TERM
ended=0
wait "$search" || ended=$?
# A signal ends `wait` before the search has ended.
while kill -0 "$search" 2> /dev/null; do ended=0; wait "$search" || ended=$?; done
exit "$ended"
