# Every task of the repository. Each recipe is one `cargo xtask` command, so just is a convenience, not a requirement.

# What there is.
default:
    @just --list

# A cluster, the operator, a sample and one request through it; leaves everything running.
demo *args:
    cargo xtask demo {{ args }}

# Every test: unit, api, cluster (`just test --suite unit` for a part, `--all` for the heavy ones too).
test *args:
    cargo xtask test {{ args }}

# The local cluster: bring it up.
up *args:
    cargo xtask up {{ args }}

# The local cluster: take it down and leave nothing behind.
down *args:
    cargo xtask down {{ args }}

# The local cluster: the health of each part.
status *args:
    cargo xtask status {{ args }}

# The path of the local cluster's kubeconfig: export KUBECONFIG=$(just kubeconfig)
kubeconfig *args:
    @cargo xtask kubeconfig {{ args }}

# Build the images and load them into every node.
images *args:
    cargo xtask images {{ args }}

# Install the CRD and the managers, with the images built last.
deploy *args:
    cargo xtask deploy {{ args }}

# The trace of a rollout of a RestAPI, where Jaeger is installed (`just deploy --with jaeger`).
trace *args:
    cargo xtask trace {{ args }}

# A dashboard as a picture, where Prometheus is installed: just dashboard overview --svg FILE
dashboard *args:
    cargo xtask dashboard {{ args }}

# Figures: startup, converge, memory, idle, latency, drift, roll, switch.
bench name *args:
    cargo xtask bench {{ name }} {{ args }}

# Write the files that are made from the code (`just generate --check`: are they up to date?).
generate *args:
    cargo xtask generate {{ args }}
