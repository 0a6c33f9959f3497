//! Every code of `lint`: its page, its line in the table, and a case that has it beside one that
//! has not. Cases are `tests/lint/<CODE>/{bad,good}*.yaml`; a new one needs no Rust.
#![forbid(unsafe_code)]
#![expect(
    clippy::tests_outside_test_module,
    reason = "this whole crate is tests"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use egress_observer::lint::{LintCode, LintFinding, LintSettings, Severity, lint_files};
use serde_json::Value;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).expect(path)
}

/// The findings in a case; every case is of a cluster with these ranges.
fn findings(case: &str) -> Vec<LintFinding> {
    let settings = LintSettings {
        cluster_ranges: ["10.96.0.0/12", "10.244.0.0/16"]
            .map(|range| range.parse().expect("a range"))
            .to_vec(),
    };
    lint_files(&[here(case)], &settings).expect(case)
}

fn codes(case: &str) -> BTreeSet<LintCode> {
    findings(case).iter().map(|finding| finding.code).collect()
}

/// The cases of a code: every file whose name begins with `bad` has it, with `good` has not.
fn cases(code: LintCode) -> Vec<(String, bool)> {
    let dir = format!("tests/lint/{code}");
    let entries = fs::read_dir(here(&dir)).expect(&dir);
    let names = entries.map(|entry| entry.expect(&dir).file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in ["bad.yaml", "good.yaml"] {
        assert!(names.iter().any(|known| known == name), "{dir}: no {name}");
    }
    let bad = |name: &str| {
        assert!(
            name.starts_with("bad") || name.starts_with("good"),
            "{dir}/{name}"
        );
        name.starts_with("bad")
    };
    names
        .iter()
        .map(|name| (format!("{dir}/{name}"), bad(name)))
        .collect()
}

/// A case is about its code; what else it shows is named by its first line (`# also EO0040`), so
/// that rules stay apart.
#[test]
fn every_code_is_found_where_it_is_and_only_there() {
    for code in LintCode::ALL {
        for (case, bad) in cases(*code) {
            let text = read(&case);
            let first = text.lines().next().unwrap_or_default();
            let also = first.strip_prefix("# also ").unwrap_or_default();
            let named = also.split(", ").filter_map(|code| code.parse().ok());
            let expected: BTreeSet<LintCode> = named.chain(bad.then_some(*code)).collect();
            assert!(
                bad || !expected.contains(code),
                "{case}: good, and also {code}"
            );
            assert_eq!(codes(&case), expected, "{case}: {:#?}", findings(&case));
        }
    }
}

#[test]
fn pods_of_one_workload_are_told_once() {
    let findings = findings("tests/lint/EO0024/bad-twice.yaml");
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}");
    };
    let message = &finding.message;
    assert!(message.ends_with("(1 more pod of shop/cart)"), "{message}");
}

#[test]
fn every_case_belongs_to_a_code() {
    let entries = fs::read_dir(here("tests/lint")).expect("a directory");
    for entry in entries {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        assert!(name.parse::<LintCode>().is_ok(), "{name}");
    }
}

#[test]
fn every_code_has_a_page_and_a_line_in_the_table() {
    let table = read("../docs/lint.md");
    let mut expected = Vec::new();
    for code in LintCode::ALL {
        let page = read(&format!("../docs/lint/{code}.md"));
        let (severity, title) = (code.severity(), code.title());
        assert!(
            page.starts_with(&format!("# {code}: {title}\n\nSeverity: {severity}.\n")),
            "{code}: its page begins differently"
        );
        for section in ["## Example", "## What Istio does", "## Fix"] {
            assert!(page.contains(section), "{code}: no section `{section}`");
        }
        let case = read(&format!("tests/lint/{code}/bad.yaml"));
        let example = case
            .split_once('\n')
            .filter(|(first, _)| first.starts_with("# also "))
            .map_or(case.as_str(), |(_, rest)| rest);
        assert!(
            page.contains(&format!("```yaml\n{example}```")),
            "{code}: the example of its page is not its case"
        );
        expected.push(format!(
            "| [{code}](lint/{code}.md) | {severity} | {title} |"
        ));
    }
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| [EO"))
        .collect();
    assert_eq!(lines, expected);
    let pages = fs::read_dir(here("../docs/lint")).expect("pages").count();
    assert_eq!(pages, LintCode::ALL.len(), "a page of no code");
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egress-observer"))
        .arg("lint")
        .args(args)
        .current_dir(here("tests/lint"))
        .env_remove("EGRESS_OBSERVER_MANIFESTS")
        .output()
        .expect("it runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One error, and nothing else.
const BAD: [&str; 2] = ["--manifests", "EO0001/bad.yaml"];
/// Nothing.
const GOOD: [&str; 2] = ["--manifests", "EO0001/good.yaml"];

fn with<'a>(args: [&'a str; 2], more: &[&'a str]) -> Vec<&'a str> {
    args.iter().chain(more).copied().collect()
}

#[test]
fn findings_are_79_from_the_threshold_on() {
    let code = |args: &[&str]| run(args).status.code();
    assert_eq!(code(&GOOD), Some(0));
    assert_eq!(code(&BAD), Some(79));
    assert_eq!(
        code(&with(BAD, &["--failure-threshold", "error"])),
        Some(79)
    );
    assert_eq!(code(&with(BAD, &["--failure-threshold", "never"])), Some(0));
    // A notice.
    let notice = ["--manifests", "EO0006/bad.yaml"];
    assert_eq!(code(&notice), Some(0));
    assert_eq!(
        code(&with(notice, &["--failure-threshold", "notice"])),
        Some(79)
    );
    assert_eq!(
        code(&with(notice, &["--failure-threshold", "info"])),
        Some(79)
    );
}

#[test]
fn wrong_input_is_not_a_finding() {
    let missing = run(&["--manifests", "nowhere.yaml"]);
    assert_eq!(missing.status.code(), Some(65), "{missing:?}");
    assert!(stderr(&missing).contains("cannot read nowhere.yaml"));
    for args in [
        &[][..],
        &with(BAD, &["-o", "yaml"]),
        &with(BAD, &["--suppress", "EO9999=Pod/a/b"]),
        &with(BAD, &["--suppress", "EO0001"]),
        &with(BAD, &["--cluster-cidrs", "10.0.0.0"]),
    ] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn text_names_file_object_code_and_field() {
    let output = run(&BAD);
    let text = stdout(&output);
    assert!(
        text.starts_with(
            "EO0001/bad.yaml: ConfigMap istio-system/istio-sidecar-injector: EO0001 error: \
             data.values: global.proxy.includeIPRanges: "
        ),
        "{text}"
    );
    assert_eq!(
        stderr(&output),
        "read 1 object: 1 ConfigMap\negress-observer: 1 finding (1 error)\n"
    );
}

#[test]
fn json_is_one_object_with_kind_and_summary() {
    let report: Value =
        serde_json::from_str(&stdout(&run(&with(BAD, &["-o", "json"])))).expect("JSON");
    assert_eq!(report["apiVersion"], "egress-observer.io/v1alpha1");
    assert_eq!(report["kind"], "LintReport");
    assert_eq!(report["findings"][0]["code"], "EO0001");
    assert_eq!(report["findings"][0]["path"], "EO0001/bad.yaml");
    assert_eq!(report["findings"][0]["resource"]["kind"], "ConfigMap");
    assert_eq!(report["summary"]["findings"], 1);
    assert_eq!(report["summary"]["error"], 1);
    let nothing = stdout(&run(&with(GOOD, &["-o", "json"])));
    let report: Value = serde_json::from_str(&nothing).expect("JSON");
    assert_eq!(report["findings"], Value::Array(vec![]));
}

#[test]
fn sarif_has_rules_results_and_relative_locations() {
    let document: Value =
        serde_json::from_str(&stdout(&run(&with(BAD, &["-o", "sarif"])))).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), LintCode::ALL.len());
    for rule in rules {
        for field in [
            "/id",
            "/shortDescription/text",
            "/helpUri",
            "/defaultConfiguration/level",
        ] {
            assert!(rule.pointer(field).is_some_and(Value::is_string), "{rule}");
        }
    }
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "EO0001");
    assert_eq!(result["level"], "error");
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "EO0001/bad.yaml"
    );
}

/// Whether elements are closed in the order in which they were opened, and text has no bare `&`
/// or `<`: as much as this writer could do wrong.
fn well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    let mut rest = xml;
    while let Some((text, after)) = rest.split_once('<') {
        let entities = ["amp;", "lt;", "gt;", "quot;"];
        let mut ampersands = text.split('&').skip(1);
        if !ampersands.all(|tail| entities.iter().any(|entity| tail.starts_with(entity))) {
            return false;
        }
        let Some((tag, after)) = after.split_once('>') else {
            return false;
        };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.starts_with('?') {
            if tag.matches('"').count() % 2 != 0 {
                return false;
            }
            open.push(tag.split(' ').next().unwrap_or_default());
        }
    }
    open.is_empty()
}

#[test]
fn junit_has_a_failed_case_for_what_fails_the_run() {
    let text = stdout(&run(&with(BAD, &["-o", "junit"])));
    assert!(well_formed(&text), "{text}");
    assert!(text.contains("tests=\"1\" failures=\"1\""), "{text}");
    assert!(text.contains("classname=\"ConfigMap/istio-system/istio-sidecar-injector\""));
    let passed = stdout(&run(&with(
        BAD,
        &["-o", "junit", "--failure-threshold", "never"],
    )));
    assert!(passed.contains("tests=\"1\" failures=\"0\""), "{passed}");
    assert!(well_formed(&stdout(&run(&with(GOOD, &["-o", "junit"])))));
}

#[test]
fn suppressed_findings_do_not_fail_the_run() {
    let suppress = |pattern: &str| run(&with(BAD, &["--suppress", pattern]));
    for pattern in [
        "EO0001=ConfigMap/istio-system/istio-sidecar-injector",
        "EO0001=ConfigMap/*/istio-*",
        "EO0001=*",
    ] {
        let output = suppress(pattern);
        assert_eq!(output.status.code(), Some(0), "{pattern}");
        assert_eq!(stdout(&output), "", "{pattern}");
        let expected = "read 1 object: 1 ConfigMap\nno findings, 1 suppressed\n";
        assert_eq!(stderr(&output), expected, "{pattern}");
    }
    let other = suppress("EO0001=ConfigMap/shop/*");
    assert_eq!(other.status.code(), Some(79));
    assert!(
        stderr(&other).contains("--suppress EO0001=ConfigMap/shop/*: matches no finding"),
        "{other:?}"
    );
}

#[test]
fn names_from_manifests_cannot_steer_a_terminal() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint-hostile");
    fs::create_dir_all(&dir).expect("a directory");
    let path = dir.join("hostile.yaml");
    let entry = "kind: ServiceEntry\nmetadata: {name: \"a\\e[2Jb<&\\\"\", namespace: shop}\n\
                 spec: {hosts: [\"*\"], ports: [{number: 80, protocol: HTTP}]}\n";
    fs::write(&path, entry).expect("a file");
    let path = path.to_string_lossy();
    for format in ["text", "json", "junit", "sarif"] {
        let output = run(&["--manifests", &path, "-o", format]);
        assert_eq!(output.status.code(), Some(79), "{format}: {output:?}");
        let text = stdout(&output);
        assert!(!text.contains('\u{1b}'), "{format}: {text}");
        if format == "junit" {
            assert!(well_formed(&text), "{text}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_finding_in_every_shape() {
    let case = ["--manifests", "EO0080/bad-yaml.yaml"];
    for format in ["text", "json", "junit", "sarif"] {
        let output = run(&with(case, &["-o", format]));
        assert_eq!(output.status.code(), Some(79), "{format}: {output:?}");
        let text = stdout(&output);
        assert!(text.contains("EO0080"), "{format}: {text}");
        assert!(text.contains("not valid YAML"), "{format}: {text}");
        if format == "junit" {
            assert!(well_formed(&text), "{text}");
        }
        let said = "read 2 objects: 2 Namespace; 1 that cannot be read\n\
                    egress-observer: 1 finding (1 error)\n";
        assert_eq!(stderr(&output), said);
    }
    let text = stdout(&run(&case));
    let expected = "EO0080/bad-yaml.yaml: Document 2: EO0080 error: line ";
    assert!(text.starts_with(expected), "{text}");
    let never = run(&with(case, &["--failure-threshold", "never"]));
    assert_eq!(never.status.code(), Some(0), "{never:?}");
    let accepted = run(&with(case, &["--suppress", "EO0080=Document/2"]));
    assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
}

#[test]
fn nothing_is_linted_without_a_word() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint-nothing");
    fs::create_dir_all(&dir).expect("a directory");
    for (name, text, expected) in [
        (
            "empty.yaml",
            "# nothing\n---\n",
            "empty.yaml: holds no object\nread no object\nno findings\n",
        ),
        (
            "other.yaml",
            "kind: Secret\n",
            "read no object; 1 of kinds that are not read: Secret x1\nno findings\n",
        ),
    ] {
        let path = dir.join(name);
        fs::write(&path, text).expect("a file");
        let output = run(&["--manifests", &path.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(stderr(&output).ends_with(expected), "{output:?}");
    }
}

#[test]
fn the_list_names_every_code() {
    let output = run(&["--list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), LintCode::ALL.len());
    assert!(text.contains("EO0001  error    "), "{text}");
    assert!(
        Severity::ALL
            .iter()
            .all(|severity| text.contains(severity.as_str()))
    );
}
