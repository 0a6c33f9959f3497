//! `cargo xtask demo`: builds the agent, finds the parts and plays the story.
