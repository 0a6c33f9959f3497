//! Who is let in, and to what.

use anyhow::Result;
use egress_observer_fake_apiserver::rbac::Rbac;
use egress_observer_fake_apiserver::{ApiServer, Options};
use hyper::Request;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use crate::bed::{Bed, Watched, list_watch, streaming};

const ROLES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules:
- {apiGroups: [""], resources: [pods, namespaces], verbs: [list, watch]}
- {apiGroups: [networking.istio.io], resources: [sidecars], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: agent, namespace: istio-system}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [istio], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ranges, namespace: kube-system}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [kubeadm-config], verbs: [get]}
"#;

async fn bed() -> Result<Bed> {
    let rbac = Some(Rbac::parse(ROLES)?);
    let options = Options {
        rbac,
        ..Options::default()
    };
    Bed::with(options).await
}

#[tokio::test]
async fn what_roles_do_not_name_is_forbidden() -> Result<()> {
    let bed = bed().await?;
    let by_name = "fieldSelector=metadata.name%3D";
    let in_istio = "/api/v1/namespaces/istio-system/configmaps";
    for (path, code) in [
        ("/api/v1/pods".to_owned(), 200),
        ("/api/v1/namespaces/shop/pods".to_owned(), 200),
        ("/api/v1/namespaces/shop/pods/a".to_owned(), 403),
        ("/api/v1/secrets".to_owned(), 403),
        ("/apis/networking.istio.io/v1beta1/sidecars".to_owned(), 200),
        (
            "/apis/networking.istio.io/v1/serviceentries".to_owned(),
            403,
        ),
        (in_istio.to_owned(), 403),
        (format!("{in_istio}?{by_name}istio"), 200),
        (format!("{in_istio}?{by_name}other"), 403),
        (format!("/api/v1/configmaps?{by_name}istio"), 403),
        (
            "/api/v1/namespaces/kube-system/configmaps/kubeadm-config".to_owned(),
            404,
        ),
        (
            "/api/v1/namespaces/kube-system/configmaps/kube-proxy".to_owned(),
            403,
        ),
        // What everybody may ask.
        ("/apis/networking.istio.io/v1".to_owned(), 200),
        ("/version".to_owned(), 200),
    ] {
        assert_eq!(bed.get(&path).await?.0, code, "{path}");
    }
    let (_, body) = bed
        .get("/apis/networking.istio.io/v1/serviceentries")
        .await?;
    assert_eq!(
        body["details"],
        json!({"group": "networking.istio.io", "kind": "serviceentries"})
    );
    // Not even that it is not there is told to those who may not ask.
    bed.server
        .remove_resource("networking.istio.io/serviceentries")?;
    let (code, _) = bed
        .get("/apis/networking.istio.io/v1/serviceentries")
        .await?;
    assert_eq!(code, 403);
    Ok(())
}

#[tokio::test]
async fn a_config_map_is_watched_by_its_name_with_a_role_for_it_alone() -> Result<()> {
    let bed = bed().await?;
    for config in [list_watch(), streaming()] {
        let maps: Api<ConfigMap> = Api::namespaced(bed.client.clone(), "istio-system");
        let mut watched = Watched::new(maps.clone(), config.clone().fields("metadata.name=istio"));
        watched.expect(&["init", "done"]).await?;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": ""},
        });
        bed.server.apply(map)?;
        watched.expect(&["apply istio"]).await?;
        let mut other = Watched::new(maps, config);
        let error = loop {
            let event = other.next().await?;
            if event != "init" {
                break event;
            }
        };
        assert!(error.contains("configmaps is forbidden"), "{error}");
        bed.server.delete("configmaps", "istio-system", "istio")?;
    }
    Ok(())
}

#[tokio::test]
async fn permissions_change_while_the_server_runs() -> Result<()> {
    let bed = bed().await?;
    assert_eq!(bed.get("/api/v1/nodes").await?.0, 403);
    bed.server.set_rbac(None);
    assert_eq!(bed.get("/api/v1/nodes").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_nobodys() -> Result<()> {
    let bed = Bed::new().await?;
    let file = bed.dir().join("kubeconfig");
    let mut config = Kubeconfig::read_from(&file)?;
    config.auth_infos[0].auth_info.as_mut().unwrap().token = Some("wrong".to_owned().into());
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await?;
    let client = kube::Client::try_from(config)?;
    let request = Request::get("/api/v1/pods").body(Vec::new())?;
    let response = client.send(request.map(Into::into)).await?;
    assert_eq!(response.status(), 401);
    assert_eq!(bed.server.requests()[0].status, Some(401));
    Ok(())
}

#[tokio::test]
async fn the_certificate_is_of_this_server_and_no_other() -> Result<()> {
    let bed = Bed::new().await?;
    let other = ApiServer::start(Options::default())?;
    let file = bed.dir().join("kubeconfig");
    let mut config = Kubeconfig::read_from(&file)?;
    let server = format!("https://{}", other.address());
    config.clusters[0].cluster.as_mut().unwrap().server = Some(server);
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await?;
    let client = kube::Client::try_from(config)?;
    assert!(client.apiserver_version().await.is_err());
    assert_eq!(other.requests(), []);
    Ok(())
}

#[tokio::test]
async fn a_pod_finds_its_service_account() -> Result<()> {
    let bed = Bed::new().await?;
    let dir = bed.dir().join("serviceaccount");
    bed.server.service_account(&dir)?;
    let read = |name: &str| std::fs::read_to_string(dir.join(name));
    assert_eq!(read("namespace")?, "egress-observer");
    let mut config = kube::Config::new(format!("https://{}", bed.server.address()).parse()?);
    let authority = read("ca.crt")?;
    config.root_cert = Some(vec![der(&authority)?]);
    config.auth_info.token = Some(read("token")?.into());
    let client = kube::Client::try_from(config)?;
    assert_eq!(client.apiserver_version().await?.major, "1");
    Ok(())
}

fn der(pem: &str) -> Result<Vec<u8>> {
    use base64::Engine as _;
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let text: String = lines.collect();
    Ok(base64::prelude::BASE64_STANDARD.decode(text)?)
}
