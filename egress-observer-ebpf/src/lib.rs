//! Empty on purpose: it lets cargo treat the object as an ordinary crate. The programs are in
//! `main.rs`.
#![no_std]
