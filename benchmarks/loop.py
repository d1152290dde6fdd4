"""The loop that trainers write: fresh arrays, final observations, rollouts, autoreset and snapshots, with targets."""

from puffer.bench.loop_figures import main
from puffer.programs import run

if __name__ == "__main__":
    run(main)
