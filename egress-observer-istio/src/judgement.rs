//! The judgement over a connection: what a pod was set up to do with it, what the mesh makes of it,
//! and what there is to prove its path.
//!
//! [`assess`] is the only public verb. The agent asks it about what the kernel saw; `explain`,
//! `what-if` and `suggest` ask it about what would be, taking the kernel to follow what was applied.

mod anywhere;
mod asker;
mod assess;
mod evidence;
mod known;
mod place;
mod table;

pub use self::{
    asker::{Asker, ClientSocket, Endpoint, Stage},
    assess::{Judgement, assess, assess_nobody},
    evidence::Evidence,
};
