//! Chart, kustomize, alerts and dashboards, with the tools that users have; `cargo xtask deploy lint`
//! runs nothing else. Each check says how much it looked at.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use egress_observer_chart::helm::Helm;
use egress_observer_chart::kustomize::{self, Directory};
use egress_observer_chart::render::{self, Rendered};
use egress_observer_chart::schema::Schemas;
use egress_observer_chart::{dashboards, promtool, refused, settings, tools, values};

/// The oldest Kubernetes that the chart's `kubeVersion` names.
const SUPPORTED: (u32, u32) = (1, 25);

/// The chart for every case and version. Several checks look at it.
static RENDERED: LazyLock<Result<Vec<Rendered>>> =
    LazyLock::new(|| render::every_case(&Helm::find()?, &versions()?));

/// What kubectl makes of each directory.
static KUSTOMIZED: LazyLock<Result<Vec<Directory>>> =
    LazyLock::new(|| kustomize::build(&tools::kubectl()?));

/// The oldest version of Kubernetes that is supported and has schemas, and the newest.
fn versions() -> Result<[String; 2]> {
    Schemas::find()?.oldest_and_newest(SUPPORTED)
}

fn rendered() -> Result<&'static [Rendered]> {
    made(&RENDERED)
}

/// What was made for several checks; they fail alike if it could not be.
fn made<T>(made: &'static LazyLock<Result<Vec<T>>>) -> Result<&'static [T]> {
    let made = made.as_ref();
    made.map(Vec::as_slice)
        .map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// The directories as if they were cases of the chart.
fn kustomized() -> Result<Vec<Rendered>> {
    let [_, newest] = versions()?;
    let built = made(&KUSTOMIZED)?.iter();
    let rendered = built.map(|(title, objects)| Rendered {
        title: title.clone(),
        version: newest.clone(),
        objects: objects.clone(),
    });
    Ok(rendered.collect())
}

#[test]
fn helm_lints_the_chart() -> Result<()> {
    println!("{}", render::lint(&Helm::find()?)?);
    Ok(())
}

#[test]
fn every_value_changes_the_manifests() -> Result<()> {
    println!("{} sets of values and versions", rendered()?.len());
    Ok(())
}

#[test]
fn manifests_fit_the_schemas_of_the_api() -> Result<()> {
    let schemas = Schemas::find()?;
    let said = render::check_schemas("chart", &schemas, &versions()?, rendered()?)?;
    println!("{said}");
    Ok(())
}

#[test]
fn manifests_ask_for_no_more_rights_than_the_agent_needs() -> Result<()> {
    println!("{}", render::check_policy(rendered()?)?);
    Ok(())
}

#[test]
fn pods_set_what_the_agent_knows() -> Result<()> {
    let objects = rendered()?.iter().flat_map(|rendered| &rendered.objects);
    println!("{}", settings::check(objects)?);
    Ok(())
}

#[test]
fn wrong_values_are_refused() -> Result<()> {
    let [_, newest] = versions()?;
    println!("{}", refused::check(&Helm::find()?, &newest)?);
    Ok(())
}

#[test]
fn values_are_documented() -> Result<()> {
    println!("{}", values::check()?);
    Ok(())
}

#[test]
fn what_is_made_from_the_chart_is_up_to_date() -> Result<()> {
    println!("{}", kustomize::check_generated(&Helm::find()?)?);
    Ok(())
}

#[test]
fn overlays_are_the_base_and_what_they_add() -> Result<()> {
    println!("{}", kustomize::check(made(&KUSTOMIZED)?)?);
    Ok(())
}

#[test]
fn kustomize_fits_the_schemas_of_the_api() -> Result<()> {
    let [_, newest] = versions()?;
    let schemas = Schemas::find()?;
    let said = render::check_schemas("kustomize", &schemas, &[newest], &kustomized()?)?;
    println!("{said}");
    Ok(())
}

#[test]
fn kustomize_asks_for_no_more_rights_than_the_agent_needs() -> Result<()> {
    println!("{}", render::check_policy(&kustomized()?)?);
    Ok(())
}

#[test]
fn every_alert_has_what_belongs_to_it() -> Result<()> {
    println!("{}", promtool::check_rules(&tools::promtool()?)?);
    Ok(())
}

#[test]
fn every_alert_has_a_test_that_can_fail() -> Result<()> {
    println!("{}", promtool::check_tests(&tools::promtool()?)?);
    Ok(())
}

#[test]
fn dashboards_can_be_loaded_and_linked_to() -> Result<()> {
    println!("{}", dashboards::check_dashboards()?);
    Ok(())
}

#[test]
fn queries_ask_for_what_is_documented() -> Result<()> {
    let said = dashboards::check_queries(&tools::promtool()?);
    println!("{}", said.context("queries of dashboards and alerts")?);
    Ok(())
}
