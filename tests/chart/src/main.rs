//! Makes the kustomize base and the table of values in `docs/install.md` anew: what `cargo xtask
//! deploy generate` runs.
#![forbid(unsafe_code)]

use anyhow::Result;
use egress_observer_chart::helm::Helm;
use egress_observer_chart::{kustomize, values};

fn main() -> Result<()> {
    kustomize::write(&Helm::find()?)?;
    values::write()
}
