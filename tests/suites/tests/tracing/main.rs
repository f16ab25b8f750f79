//! Traces of rollouts, as they can be read back from a real Jaeger.

#[cfg(test)]
mod rollout;
