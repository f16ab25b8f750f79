//! Pure functions from a RestAPI and an environment to Kubernetes objects.
#![forbid(unsafe_code)]
