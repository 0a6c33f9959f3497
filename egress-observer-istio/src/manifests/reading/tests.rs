//! Texts, and what is read of them.

use super::*;

fn read(text: &str) -> Reading {
    Reading::of(Path::new("shop.yaml"), text)
}

fn names(reading: &Reading) -> Vec<String> {
    let objects = reading.objects.iter();
    let named = objects.map(|located| located.object.metadata().name.clone());
    named.collect()
}

/// The one thing that cannot be read, as people are told.
fn told(text: &str) -> String {
    let reading = read(text);
    let [one] = &reading.unreadable[..] else {
        panic!("{:?}", reading.unreadable)
    };
    one.to_string()
}

#[test]
fn documents_and_lists_are_read_alike() {
    let text = "---\n\
                kind: Pod\nmetadata: {name: a, namespace: shop, uid: u1}\n\
                ---\n---\n\
                kind: List\nitems:\n- {kind: Pod, metadata: {name: b}}\n- {kind: Secret}\n\
                ---\n\
                kind: PodList\nitems:\n- metadata: {name: c}\n";
    let reading = read(text);
    assert_eq!(names(&reading), ["a", "b", "c"]);
    assert_eq!(reading.unreadable, []);
    let tally = "read 3 objects: 3 Pod; 1 of kinds that are not read: Secret x1";
    assert_eq!(reading.tally.to_string(), tally);
}

#[test]
fn kinds_of_the_same_name_are_told_by_their_group() {
    fn kinds(text: &str) -> Vec<Kind> {
        let reading = read(text);
        let objects = reading.objects.iter();
        objects.map(|located| located.object.kind()).collect()
    }
    let pool = "kind: IPPool\nmetadata: {name: a}\nspec: {cidr: 10.0.0.0/8}\n";
    for (group, expected) in [
        ("crd.projectcalico.org/v1", vec![Kind::IpPool]),
        ("projectcalico.org/v3", vec![Kind::IpPool]),
        ("ipam.metal3.io/v1alpha1", vec![]),
    ] {
        assert_eq!(kinds(&format!("apiVersion: {group}\n{pool}")), expected);
    }
    // As the API server answers: its items have neither.
    let list = "kind: NetworkList\nitems: [{metadata: {name: a}}]\n";
    let openshift = format!("apiVersion: config.openshift.io/v1\n{list}");
    assert_eq!(kinds(&openshift), [Kind::Network]);
    let other = format!("apiVersion: operator.openshift.io/v1\n{list}");
    assert_eq!(kinds(&other), []);
    let tally = "read no object; 1 of kinds that are not read: Network.operator.openshift.io x1";
    assert_eq!(read(&other).tally.to_string(), tally);
}

#[test]
fn a_wrong_field_is_named_with_its_object_and_place() {
    let text = "# Two documents.\nkind: Pod\nmetadata: {name: a}\n---\n\
                kind: ServiceEntry\nmetadata: {name: ext, namespace: shop}\n\
                spec: {hosts: [a.test], ports: [{number: eighty}]}\n";
    let told = told(text);
    let expected = "shop.yaml: document 2, from line 4: ServiceEntry shop/ext: \
                    field `spec.ports[0].number`: \"eighty\" is not the number of a port";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("; write a whole number"), "{told}");
}

#[test]
fn broken_yaml_is_named_with_its_document_and_line() {
    let told = told("kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: [\n");
    assert!(
        told.starts_with("shop.yaml: document 2, line 5: not valid YAML: "),
        "{told}"
    );
    assert!(!told.contains('\n'), "{told}");
}

#[test]
fn nothing_is_lost_before_nor_after_a_broken_document() {
    let text = "kind: Pod\nmetadata: {name: a}\n--- # broken\nkind: Pod\nmetadata: {name: [\n\
                ---\nkind: Pod\nmetadata: {name: b}\n---\njust: text\n---\n\
                kind: Pod\nmetadata: {name: c, labels: 1}\n---\nkind: Pod\nmetadata: {name: d}\n";
    let reading = read(text);
    assert_eq!(names(&reading), ["a", "b", "d"]);
    let places: Vec<_> = reading
        .unreadable
        .iter()
        .map(|one| (one.document, one.line))
        .collect();
    assert_eq!(places, [(2, 5), (4, 9), (5, 11)]);
    let tally = "read 3 objects: 3 Pod; 3 that cannot be read";
    assert_eq!(reading.tally.to_string(), tally);
}

#[test]
fn a_template_is_told_from_yaml() {
    let told = told("kind: Pod\nmetadata: {{ .Values.metadata }}\n");
    assert!(
        told.contains("this is a template: render it first"),
        "{told}"
    );
}

#[test]
fn one_bad_item_does_not_spoil_its_list() {
    let text = r#"{"kind": "List", "items": [
        {"kind": "ServiceEntry", "metadata": {"name": "bad"}, "spec": {"hosts": "a.test"}},
        {"metadata": {"name": "what"}},
        {"kind": "ServiceEntry", "metadata": {"name": "good"}, "spec": {"hosts": ["a.test"]}}]}"#;
    let reading = read(text);
    assert_eq!(names(&reading), ["good"]);
    assert_eq!(reading.unreadable.len(), 2);
}

#[test]
fn something_else_than_an_object_is_refused() {
    let expected = "shop.yaml: document 1, from line 1: no `kind`; expected a Kubernetes object; \
                    add `apiVersion` and `kind`, or leave it out";
    assert_eq!(told("just: text\n"), expected);
}

#[test]
fn a_kustomization_need_not_say_what_it_is() {
    for (file, text, n_unreadable) in [
        ("d/kustomization.yaml", "resources: [a.yaml]", 0),
        ("kustomization.yml", "namespace: shop", 0),
        ("Kustomization", "{}", 0),
        ("kustomization.yaml", "[a.yaml]", 1),
        ("kustomization.json", "{}", 1),
        ("my-kustomization.yaml", "resources: [a.yaml]", 1),
        ("values.yaml", "resources: [a.yaml]", 1),
    ] {
        let reading = Reading::of(file.as_ref(), text);
        assert_eq!(reading.tally.n_unreadable(), n_unreadable, "{file}: {text}");
    }
    let text = "{kind: Pod, metadata: {name: a}}";
    assert_eq!(
        names(&Reading::of("kustomization.yaml".as_ref(), text)),
        ["a"]
    );
}

#[test]
fn a_file_without_objects_is_told() {
    for text in ["", "# only\n", "---\n# nothing\n---\n"] {
        let reading = read(text);
        assert_eq!(reading.tally.empty_files().len(), 1, "{text:?}");
        assert!(reading.tally.is_nothing());
        assert_eq!(reading.tally.to_string(), "read no object");
    }
    assert_eq!(read("kind: Secret\n").tally.empty_files().len(), 0);
}

#[test]
fn of_an_object_that_stands_there_twice_the_last_one_counts() {
    let text = "kind: Pod\nmetadata: {name: a, uid: u1}\n---\nkind: Pod\nmetadata: {name: b}\n---\n\
                kind: Pod\nmetadata: {name: a, namespace: default, uid: u2}\n";
    let (objects, repeated) = read(text).unique();
    let uids: Vec<_> = objects
        .iter()
        .map(|object| &*object.metadata().uid)
        .collect();
    assert_eq!(uids, ["", "u2"]);
    let [one] = &repeated[..] else {
        panic!("{repeated:?}")
    };
    let expected = "shop.yaml: Pod default/a stands there twice: the last one counts";
    assert_eq!(one.to_string(), expected);
}

#[test]
fn a_file_may_hold_a_whole_cluster() {
    let documents: Vec<_> = (0..5_000)
        .map(|i| format!("kind: Pod\nmetadata: {{name: p{i}}}\n"))
        .collect();
    assert_eq!(read(&documents.join("---\n")).objects.len(), 5_000);
}

#[test]
fn json_values_in_a_row_are_documents() {
    let pods =
        ["a", "b"].map(|name| format!(r#"{{"kind": "Pod", "metadata": {{"name": "{name}"}}}}"#));
    for joint in ["\n", "", "\n\n"] {
        let reading = Reading::of("all.json".as_ref(), &pods.join(joint));
        assert_eq!(
            (reading.objects.len(), reading.unreadable.len()),
            (2, 0),
            "{joint:?}"
        );
    }
    let reading = Reading::of("all.json".as_ref(), &format!("{}\n{{", pods[0]));
    assert_eq!((reading.objects.len(), reading.unreadable.len()), (0, 1));
}

#[test]
fn a_kustomization_is_passed_over() {
    let text = "resources: [a.yaml]\n";
    let reading = Reading::of("base/kustomization.yaml".as_ref(), text);
    assert!(reading.unreadable.is_empty());
    let told = reading.remarks[0].to_string();
    let expected = "base/kustomization.yaml: passed over; build it first, with `kubectl kustomize`";
    assert_eq!(told, expected);
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    assert_eq!(read(component).remarks.len(), 1);
    let reading = Reading::of("base/other.yaml".as_ref(), text);
    assert_eq!(reading.unreadable.len(), 1);
}

#[test]
fn what_is_no_yaml_is_told_in_words_of_ours() {
    let star = "not valid YAML: a text without quotes that begins with `*` is an alias, and nothing has \
                its name; put it in quotes, such as \"*\" or \"*.example.com\"";
    for (text, line, expected) in [
        (
            "kind: Pod\nmetadata: {name: a}\nkind: Pod\nmetadata: {name: b}\n",
            3,
            "the field `kind` stands there twice; put a line `---` between two objects",
        ),
        (
            "kind: Pod\nmetadata: {name: a, name: b}\n",
            2,
            "the field `name` stands there twice; leave one of them",
        ),
        (
            "kind: ServiceEntry\nspec:\n  hosts:\n  - *.example.com\n",
            4,
            star,
        ),
        ("kind: Sidecar\nspec: {egress: [{hosts: [*/*]}]}\n", 2, star),
        ("kind: Pod\nmetadata:\n  annotations:\n    a: *\n", 4, star),
        (
            "kind: Pod\nmetadata:\n\tname: a\n",
            3,
            "a tab stands where only blanks can; write blanks in its place",
        ),
        (
            "{\"kind\": \"Pod\"} more",
            1,
            "something stands behind the end of the document; put a line `---` before another object",
        ),
    ] {
        let told = told(text);
        let place = format!(" line {line}: not valid YAML: ");
        assert!(told.contains(&place) && told.ends_with(expected), "{told}");
    }
}

#[test]
fn what_installs_istio_is_read_as_the_config_maps_that_come_of_it() {
    let operator = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: a}\n\
                    spec: {revision: blue, meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}\n";
    let made = ["istio-blue", "istio-sidecar-injector-blue"];
    let reading = read(operator);
    assert_eq!(names(&reading), made);
    assert!(reading.unreadable.is_empty() && reading.remarks.is_empty());
    let map = "---\nkind: ConfigMap\nmetadata: {name: istio-blue, namespace: istio-system}\n";
    let reading = read(&format!("{operator}{map}"));
    assert_eq!(names(&reading), made);
    let expected =
        "shop.yaml: IstioOperator a: ConfigMap istio-system/istio-blue is there, and counts";
    assert_eq!(reading.remarks[0].to_string(), expected);
    let told = told(&operator.replace("REGISTRY_ONLY", "CLOSED"));
    let expected = "shop.yaml: document 1, from line 1: IstioOperator a: \
                    spec.meshConfig.outboundTrafficPolicy.mode: \"CLOSED\" is not ";
    assert!(told.starts_with(expected), "{told}");
}
