//! Connections and requests: TLS, the token, permissions, and who answers.

use std::{convert::Infallible, sync::Arc};

use hyper::{
    Request, Response,
    body::Incoming,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use super::{
    discovery::{self, Answer},
    faults::Fault,
    list, log,
    outgoing::{Outgoing, Pen},
    request::{Form, Query, RequestPath, ResourcePath, Verb, form},
    resources::{Found, Resource},
    selector::Selectors,
    shared::{Shared, State},
    status::{self, Attempt, Body, Failure},
    view::View,
    watch::Watch,
};

/// Accepts until it is told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    shared: Arc<Shared>,
    mut stop: oneshot::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => return,
        };
        // A client that was gone before it was accepted.
        let Ok((stream, _)) = accepted else { continue };
        tokio::spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
    }
}

/// What goes wrong with one connection, its client sees.
async fn connection(stream: TcpStream, tls: TlsAcceptor, shared: Arc<Shared>) {
    let Ok(()) = stream.set_nodelay(true) else {
        return;
    };
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&shared, &request).await) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    drop(served.await);
}

async fn respond(shared: &Arc<Shared>, request: &Request<Incoming>) -> Response<Outgoing> {
    let latency = shared.state().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let [accept, user_agent, authorization] = [ACCEPT, USER_AGENT, AUTHORIZATION].map(|name| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    });
    let asked = Asked {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or(""),
        accept,
        user_agent,
        is_known: authorization == format!("Bearer {}", shared.token),
    };
    match asked.decide(shared) {
        Decision::Answer(answer) => json(200, answer),
        Decision::Text(text) => plain(200, text),
        Decision::Refuse(failure) => refuse(&failure),
        Decision::Slowly(answer, fault) => {
            let (body, mut pen) = Outgoing::written(Some(fault));
            tokio::spawn(async move { pen.write(answer).await });
            with_body(200, "application/json", body)
        }
        Decision::Watch(watch, fault) => {
            let (body, pen): (_, Pen) = Outgoing::written(fault);
            // Its end is that of the client, or of the runtime.
            tokio::spawn(watch.run(Arc::clone(shared), fault, pen));
            with_body(200, "application/json", body)
        }
        Decision::Hang => std::future::pending().await,
    }
}

/// A request, as far as it matters.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    accept: &'a str,
    user_agent: &'a str,
    /// The token is right.
    is_known: bool,
}

/// What becomes of a request.
enum Decision {
    Answer(String),
    Text(&'static str),
    Refuse(Failure),
    /// The body suffers from a fault.
    Slowly(String, Fault),
    Watch(Watch, Option<Fault>),
    Hang,
}

impl Decision {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(_) | Self::Text(_) | Self::Slowly(..) | Self::Watch(..) => Some(200),
            Self::Refuse(failure) => Some(failure.code),
            Self::Hang => None,
        }
    }
}

impl From<Result<Self, Failure>> for Decision {
    fn from(result: Result<Self, Failure>) -> Self {
        result.unwrap_or_else(Self::Refuse)
    }
}

impl Asked<'_> {
    /// Decides and logs, in one step: whoever sees the effect of a request finds it in the log.
    fn decide(&self, shared: &Shared) -> Decision {
        let path = RequestPath::parse(self.path);
        let query = Query::parse(self.query);
        let mut state = shared.state();
        let decision = match (&path, &query) {
            _ if !self.is_known => Decision::Refuse(status::unauthorized()),
            (RequestPath::Other, _) => match discovery::answer(self.path, &state.served) {
                Answer::Json(answer) => Decision::Answer(answer.to_string()),
                Answer::Text(text) => Decision::Text(text),
                Answer::NotFound => Decision::Refuse(status::no_such_path()),
            },
            (RequestPath::Resource(_), Err(message)) => {
                Decision::Refuse(status::bad_request(message))
            }
            (RequestPath::Resource(path), Ok(query)) => self
                .of_resource(&mut state, &shared.user, path, query)
                .into(),
        };
        let request = self.log(&state, &path, query.unwrap_or_default(), decision.status());
        state.log.add(request);
        decision
    }

    /// In the order of the API server: overload, permission, and then whether it is there.
    fn of_resource(
        &self,
        state: &mut State,
        user: &str,
        path: &ResourcePath,
        query: &Query,
    ) -> Result<Decision, Failure> {
        let verb = Verb::of(self.method, path.name.is_some(), query.watch);
        let found = state.served.find(&path.group, &path.version, &path.plural);
        let id = match found {
            Found::Resource(resource) => resource.id,
            Found::NoSuchResource | Found::NoSuchPath => "",
        };
        let fault = state.faults.take(id, verb);
        let named = match found {
            Found::Resource(resource) => Some(selectors(resource, path, query)?),
            Found::NoSuchResource | Found::NoSuchPath => None,
        };
        let only_name = named.as_ref().and_then(Selectors::only_name);
        let qualified = match &path.subresource {
            Some(subresource) => format!("{}/{subresource}", path.plural),
            None => path.plural.clone(),
        };
        let attempt = attempt(user, verb, path, &qualified, only_name);
        if let Some(decision) = failing(fault, verb, attempt)? {
            return Ok(decision);
        }
        if state
            .rbac
            .as_ref()
            .is_some_and(|rbac| !rbac.allows(attempt))
        {
            return Err(status::forbidden(attempt));
        }
        let (resource, selectors) = match (found, named) {
            (Found::Resource(resource), Some(selectors)) => (resource, selectors),
            (Found::NoSuchPath, _) => return Err(status::no_such_path()),
            (Found::NoSuchResource | Found::Resource(_), _) => {
                return Err(status::no_such_resource());
            }
        };
        if path.subresource.is_some() || (!resource.namespaced && path.namespace.is_some()) {
            return Err(status::no_such_resource());
        }
        let view = View {
            resource,
            version: path.version.clone(),
            form: form(self.accept, verb).map_err(|message| status::not_acceptable(&message))?,
        };
        answer(state, view, verb, path, query, selectors, fault)
    }

    fn log(
        &self,
        state: &State,
        path: &RequestPath,
        query: Query,
        status: Option<u16>,
    ) -> log::Request {
        let mut request = log::Request {
            time: Timestamp::now(),
            method: self.method.to_owned(),
            path: self.path.to_owned(),
            query: self.query.to_owned(),
            resource: None,
            verb: None,
            namespace: None,
            name: None,
            label_selector: query.labels,
            field_selector: query.fields,
            resource_version: query.version,
            limit: query.limit,
            initial_events: query.initial_events == Some(true),
            metadata_only: false,
            user_agent: self.user_agent.to_owned(),
            status,
        };
        if let RequestPath::Resource(path) = path {
            let verb = Verb::of(self.method, path.name.is_some(), query.watch);
            request.resource = Some(id(state, path));
            request.verb = Some(verb);
            request.namespace.clone_from(&path.namespace);
            request.name.clone_from(&path.name);
            request.metadata_only = form(self.accept, verb) == Ok(Form::Metadata);
        }
        request
    }
}

fn id(state: &State, path: &ResourcePath) -> String {
    match state.served.find(&path.group, &path.version, &path.plural) {
        Found::Resource(resource) => resource.id.to_owned(),
        Found::NoSuchResource | Found::NoSuchPath if path.group.is_empty() => path.plural.clone(),
        Found::NoSuchResource | Found::NoSuchPath => format!("{}/{}", path.group, path.plural),
    }
}

fn selectors(
    resource: &Resource,
    path: &ResourcePath,
    query: &Query,
) -> Result<Selectors, Failure> {
    let namespace = path.namespace.clone();
    Selectors::parse(resource, namespace, &query.labels, &query.fields)
        .map_err(|message| status::bad_request(&message))
}

fn attempt<'a>(
    user: &'a str,
    verb: Verb,
    path: &'a ResourcePath,
    resource: &'a str,
    only_name: Option<&'a str>,
) -> Attempt<'a> {
    let name = path.name.as_deref();
    // A namespace is in itself, as far as permissions go.
    let itself = name.filter(|_| path.group.is_empty() && path.plural == "namespaces");
    Attempt {
        user,
        verb: verb.as_str(),
        group: &path.group,
        resource,
        namespace: path.namespace.as_deref().or(itself),
        name: name.or(only_name),
    }
}

/// Faults that need no answer; the others go on to one.
fn failing(
    fault: Option<Fault>,
    verb: Verb,
    attempt: Attempt<'_>,
) -> Result<Option<Decision>, Failure> {
    match fault {
        None | Some(Fault::Cut { .. } | Fault::Slow { .. }) => Ok(None),
        Some(Fault::Expired) if verb == Verb::Watch => Ok(None),
        Some(Fault::Hang) => Ok(Some(Decision::Hang)),
        Some(Fault::Forbidden) => Err(status::forbidden(attempt)),
        Some(Fault::TooManyRequests { retry_after }) => Err(status::too_many_requests(retry_after)),
        Some(Fault::InternalError) => Err(status::internal_error()),
        Some(Fault::Unavailable) => Err(status::unavailable()),
        Some(Fault::Expired | Fault::Gone) => Err(status::expired("too old resource version")),
    }
}

fn answer(
    state: &State,
    view: View,
    verb: Verb,
    path: &ResourcePath,
    query: &Query,
    selectors: Selectors,
    fault: Option<Fault>,
) -> Result<Decision, Failure> {
    let store = &state.store;
    let found = match (verb, &path.name) {
        (Verb::Watch, _) => {
            let watch = Watch::new(state, view, query, selectors)?;
            return Ok(Decision::Watch(watch, fault));
        }
        (Verb::List, _) => list::list(store, &view, query, &selectors)?,
        (Verb::Get, Some(name)) => list::get(store, &view, path.namespace.as_deref(), name)?,
        _ => return Err(status::method_not_allowed()),
    };
    Ok(match fault {
        Some(fault) => Decision::Slowly(found, fault),
        None => Decision::Answer(found),
    })
}

fn refuse(failure: &Failure) -> Response<Outgoing> {
    let mut response = match &failure.body {
        Body::Status(status) => json(failure.code, status.to_string()),
        Body::Plain(text) => plain(failure.code, text),
    };
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn json(code: u16, body: String) -> Response<Outgoing> {
    with_body(code, "application/json", Outgoing::whole(body))
}

fn plain(code: u16, text: &'static str) -> Response<Outgoing> {
    with_body(code, "text/plain; charset=utf-8", Outgoing::whole(text))
}

fn with_body(code: u16, kind: &'static str, body: Outgoing) -> Response<Outgoing> {
    let response = Response::builder().status(code).header(CONTENT_TYPE, kind);
    let response = response.body(body);
    response.expect("a three-digit code and a header that is a constant")
}
