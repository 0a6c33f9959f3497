//! Lists and single objects.

use anyhow::Result;
use egress_observer_fake_apiserver::request::Verb;
use hyper::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use serde_json::{Value, json};

use crate::bed::Bed;

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    let names = items.map(|item| item["metadata"]["name"].as_str());
    names.map(Option::unwrap_or_default).collect()
}

#[tokio::test]
async fn the_client_lists_what_was_applied_by_node_and_by_label() -> Result<()> {
    let bed = Bed::with_pods(&["a", "b"]).await?;
    bed.pod("c", "n2")?;
    let list = async |params: ListParams| {
        let list = bed.pods().list(&params).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let names = list.items.iter().map(|pod| pod.name_any());
        anyhow::Ok((names.collect::<Vec<_>>().join(" "), version))
    };
    let all = list(ListParams::default()).await?;
    assert_eq!(all, ("a b c".to_owned(), bed.server.version().to_string()));
    let node = ListParams::default().fields("spec.nodeName=n2");
    assert_eq!(list(node).await?.0, "c");
    let label = ListParams::default().labels("app in (a,c)");
    assert_eq!(list(label).await?.0, "a c");
    let missing = ListParams::default().fields("spec.nodeName!=n1,metadata.namespace!=shop");
    assert_eq!(list(missing).await?.0, "");
    Ok(())
}

#[tokio::test]
async fn pages_are_of_one_version_whatever_happens_meanwhile() -> Result<()> {
    let bed = Bed::with_pods(&["a", "b", "c", "d", "e"]).await?;
    let first = bed.pods().list(&ListParams::default().limit(2)).await?;
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    bed.server.delete("pods", "shop", "d")?;
    bed.pod("f", "n1")?;
    let mut found: Vec<String> = first.items.iter().map(|pod| pod.name_any()).collect();
    let mut token = first.metadata.continue_;
    while let Some(next) = token {
        let params = ListParams::default().limit(2).continue_token(&next);
        let page = bed.pods().list(&params).await?;
        assert_eq!(
            page.metadata.resource_version,
            first.metadata.resource_version
        );
        found.extend(page.items.iter().map(|pod| pod.name_any()));
        token = page.metadata.continue_;
    }
    assert_eq!(found, ["a", "b", "c", "d", "e"]);
    Ok(())
}

#[tokio::test]
async fn a_page_whose_version_is_gone_is_410_with_a_token_to_go_on() -> Result<()> {
    let bed = Bed::with_pods(&["a", "b", "c"]).await?;
    let (_, first) = bed.get("/api/v1/pods?limit=1").await?;
    bed.server.delete("pods", "shop", "b")?;
    bed.server.compact();
    let path = |list: &Value| {
        let token = list["metadata"]["continue"].as_str().unwrap();
        format!("/api/v1/pods?limit=5&continue={token}")
    };
    let (code, gone) = bed.get(&path(&first)).await?;
    assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));
    let (code, rest) = bed.get(&path(&gone)).await?;
    assert_eq!((code, names(&rest)), (200, vec!["c"]));
    let (code, _) = bed.get("/api/v1/pods?limit=5&continue=nonsense").await?;
    assert_eq!(code, 400);
    Ok(())
}

#[tokio::test]
async fn versions_of_lists_are_exact_not_older_or_refused() -> Result<()> {
    let bed = Bed::with_pods(&["a", "b"]).await?;
    let now = bed.server.version();
    bed.pod("c", "n1")?;
    let ask = async |query: String| bed.get(&format!("/api/v1/pods?{query}")).await;
    // The watch cache answers for version 0, and knows no pages.
    let (_, list) = ask("resourceVersion=0&limit=1".to_owned()).await?;
    assert_eq!(names(&list), ["a", "b", "c"]);
    let (_, list) = ask(format!("resourceVersion={now}&resourceVersionMatch=Exact")).await?;
    assert_eq!(names(&list), ["a", "b"]);
    assert_eq!(list["metadata"]["resourceVersion"], now.to_string());
    let (_, list) = ask(format!(
        "resourceVersion={now}&resourceVersionMatch=NotOlderThan"
    ))
    .await?;
    assert_eq!(names(&list), ["a", "b", "c"]);
    let (code, status) = ask(format!("resourceVersion={}", now + 100)).await?;
    assert_eq!((code, &status["reason"]), (504, &json!("Timeout")));
    bed.server.compact();
    let (code, _) = ask(format!("resourceVersion={now}&resourceVersionMatch=Exact")).await?;
    assert_eq!(code, 410);
    for query in [
        "resourceVersionMatch=Exact",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "sendInitialEvents=true",
    ] {
        let (code, status) = ask(query.to_owned()).await?;
        assert_eq!(
            (code, &status["reason"]),
            (422, &json!("Invalid")),
            "{query}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn items_carry_a_kind_in_lists_of_custom_resources_only() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    bed.server.apply_yaml(
        "apiVersion: networking.istio.io/v1beta1\nkind: Sidecar\nmetadata: {name: s, namespace: x}",
    )?;
    let (_, pods) = bed.get("/api/v1/pods").await?;
    assert_eq!(pods["kind"], "PodList");
    assert_eq!(pods["items"][0].get("kind"), None);
    assert_eq!(pods["metadata"].get("continue"), None);
    let (_, sidecars) = bed.get("/apis/networking.istio.io/v1/sidecars").await?;
    assert_eq!(sidecars["kind"], "SidecarList");
    // In the version that was asked for, whatever it was written in.
    assert_eq!(sidecars["items"][0]["apiVersion"], "networking.istio.io/v1");
    assert_eq!(sidecars["metadata"]["continue"], "");
    Ok(())
}

#[tokio::test]
async fn metadata_alone_is_listed_and_got() -> Result<()> {
    let bed = Bed::with_pods(&["a"]).await?;
    let list = bed.pods().list_metadata(&ListParams::default()).await?;
    assert_eq!(list.items[0].labels()["app"], "a");
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(bed.client.clone(), "shop");
    assert_eq!(pods.get_metadata("a").await?.name_any(), "a");
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let request = Request::get("/api/v1/pods").header("accept", accept);
    let (_, list) = bed.ask(request.body(Vec::new())?).await?;
    let kind = json!("PartialObjectMetadataList");
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&kind, &json!("meta.k8s.io/v1"))
    );
    assert_eq!(list["items"][0].get("spec"), None);
    let requests = bed.server.requests();
    assert!(requests.iter().all(|request| request.metadata_only));
    Ok(())
}

#[tokio::test]
async fn objects_are_got_by_name_or_are_not_found() -> Result<()> {
    let bed = Bed::new().await?;
    bed.server.apply_yaml(
        "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}}
",
    )?;
    let maps: Api<ConfigMap> = Api::namespaced(bed.client.clone(), "kube-system");
    assert_eq!(
        maps.get("kubeadm-config").await?.name_any(),
        "kubeadm-config"
    );
    assert!(maps.get_opt("cilium-config").await?.is_none());
    let namespaces: Api<Namespace> = Api::all(bed.client.clone());
    let shop = namespaces.get("shop").await?;
    assert_eq!(shop.labels()["kubernetes.io/metadata.name"], "shop");
    assert_eq!(bed.server.count("configmaps", Verb::Get), 2);
    assert_eq!(bed.server.count("configmaps", Verb::List), 0);
    Ok(())
}

#[tokio::test]
async fn what_is_not_served_is_answered_by_whoever_would_have_it() -> Result<()> {
    let bed = Bed::new().await?;
    bed.server.remove_resource("networking.istio.io/sidecars")?;
    bed.server
        .serve_versions("networking.istio.io", &["v1beta1", "v1alpha3"]);
    let absent = "/apis/networking.istio.io/v1beta1/sidecars";
    let old = "/apis/networking.istio.io/v1/serviceentries";
    for path in [absent, old] {
        let (code, body) = bed.get(path).await?;
        assert_eq!((code, body), (404, json!("404 page not found\n")), "{path}");
    }
    let (code, _) = bed
        .get("/apis/networking.istio.io/v1beta1/serviceentries")
        .await?;
    assert_eq!(code, 200);
    // Of Kubernetes' own groups it is known what they have.
    let (code, body) = bed.get("/api/v1/endpoints").await?;
    assert_eq!((code, &body["reason"]), (404, &json!("NotFound")));

    let kind = GroupVersionKind::gvk("networking.istio.io", "v1beta1", "Sidecar");
    let sidecars: Api<DynamicObject> =
        Api::all_with(bed.client.clone(), &ApiResource::from_gvk(&kind));
    let error = sidecars.list(&ListParams::default()).await.unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error:?}");
    };
    assert_eq!(status.code, 404);
    Ok(())
}

#[tokio::test]
async fn discovery_is_what_the_client_makes_of_it() -> Result<()> {
    let bed = Bed::new().await?;
    bed.server
        .serve_versions("networking.istio.io", &["v1alpha3"]);
    let group = kube::discovery::group(&bed.client, "networking.istio.io").await?;
    assert_eq!(group.preferred_version_or_latest(), "v1alpha3");
    let (entries, _) = group.recommended_kind("ServiceEntry").unwrap();
    assert_eq!(entries.plural, "serviceentries");
    assert_eq!(bed.client.apiserver_version().await?.major, "1");
    Ok(())
}
