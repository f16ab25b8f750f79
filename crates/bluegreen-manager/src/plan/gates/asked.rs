//! Gates that are asked, again and again: requests and queries.

use kube::core::DynamicObject;
use restapi_resources::gate_job::hash;
use restapi_types::spec::gates::{GateSpec, HttpGate, PrometheusGate};
use restapi_types::spec::network::Protocol;
use restapi_types::status::GateState;
use restapi_types::{ComponentName, GateMark, names, text};
use serde_json::Value;

use super::{Answer, Gates, MAX_WHY, Question, Subject, Tried, Try};
use crate::plan::clock::Clock;
use crate::plan::times::after;
use crate::plan::view::View;

impl Subject<'_> {
    /// What is known of a gate, with what it was told last. If it has not ended, it is asked again when it is time.
    pub(super) fn asked(
        &self,
        view: &View<'_>,
        gate: &GateSpec,
        known: Option<GateMark>,
        clock: &mut Clock,
        gates: &mut Gates,
    ) -> Option<GateMark> {
        let is_open = |mark: &GateMark| mark.state == GateState::Running;
        if known.as_ref().is_some_and(|mark| !is_open(mark)) {
            return known;
        }
        let key = self.key(gate);
        let is_news = |tried: &&Tried| {
            tried.key == key && known.as_ref().is_none_or(|mark| tried.at > mark.last)
        };
        let mut mark = match view.tried.iter().find(is_news) {
            Some(tried) => Some(told(gate, known, tried)),
            None => known,
        };
        if let Some(mark) = mark.as_mut().filter(|mark| is_open(mark)) {
            let limit = after(mark.answered, view.spec.progress_deadline());
            if clock.is_over(limit) {
                mark.state = GateState::Unknown;
            }
        }
        if mark.as_ref().is_some_and(|mark| !is_open(mark)) {
            return mark;
        }
        gates.open.insert(key.clone());
        let next = mark.as_ref().map(|mark| after(mark.last, gate.interval()));
        if self.may_begin && next.is_none_or(|next| clock.is_over(next)) {
            gates.due.push(Try {
                key,
                question: self.question(view, gate),
                timeout: gate.timeout(),
            });
        }
        mark
    }

    fn question(&self, view: &View<'_>, gate: &GateSpec) -> Question {
        match (&gate.http, &gate.prometheus) {
            (Some(http), _) => self.http(view, http),
            (None, Some(prometheus)) => self.prometheus(prometheus),
            (None, None) => {
                let nothing = "it asks nothing: set http, prometheus or job";
                Question::Nothing(Answer::Failed(nothing.to_owned()))
            }
        }
    }

    fn http(&self, view: &View<'_>, http: &HttpGate) -> Question {
        let failed = |why: String| Question::Nothing(Answer::Failed(why));
        let name = &http.component;
        let component = ComponentName::of(name).and_then(|name| self.app.component(name));
        let Some(component) = component.filter(|component| component.port.is_some()) else {
            return failed(format!(
                "revision {} has no component {name} with a port: correct http.component",
                self.attempt.revision
            ));
        };
        if component.protocol != Protocol::Http {
            return failed(format!(
                "{name} does not speak HTTP but {:?}: ask another component, or with a job",
                component.protocol
            ));
        }
        let host = names::coloured(&self.app.name, component.name, self.environment);
        let service = view.world.objects.get("Service", &host);
        match service.and_then(|service| address(service)) {
            Some(address) => Question::Http {
                address,
                host,
                path: http.path.clone().unwrap_or_else(|| "/".to_owned()),
            },
            None => Question::Nothing(Answer::Unknown(format!("Service {host} has no address"))),
        }
    }

    fn prometheus(&self, prometheus: &PrometheusGate) -> Question {
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let query = prometheus
            .query
            .replace("$namespace", &self.app.namespace)
            .replace("$name", &self.app.name)
            .replace("$environment", self.environment.as_str())
            .replace("$revision", &self.attempt.revision.to_string());
        Question::Prometheus {
            query,
            min: number(&prometheus.min),
            max: number(&prometheus.max),
        }
    }
}

/// What is known of a gate after a try.
fn told(gate: &GateSpec, known: Option<GateMark>, tried: &Tried) -> GateMark {
    let mut mark = known.unwrap_or_else(|| GateMark {
        hash: hash(gate),
        began: tried.at,
        last: tried.at,
        answered: tried.at,
        passed: 0,
        failed: 0,
        state: GateState::Running,
        why: String::new(),
    });
    mark.last = tried.at;
    let why = match &tried.answer {
        Answer::Passed(why) => {
            mark.passed = mark.passed.saturating_add(1);
            mark.answered = tried.at;
            why
        }
        Answer::Failed(why) => {
            mark.failed = mark.failed.saturating_add(1);
            mark.answered = tried.at;
            why
        }
        Answer::Unknown(why) => why,
    };
    mark.why = text::shortened(why, MAX_WHY);
    mark.state = if mark.failed > gate.failure_limit() {
        GateState::Failed
    } else if mark.passed >= gate.count() {
        GateState::Passed
    } else {
        GateState::Running
    };
    mark
}

/// Where a Service answers: its own address and its first port.
fn address(service: &DynamicObject) -> Option<String> {
    let text = |pointer| service.data.pointer(pointer).and_then(Value::as_str);
    let ip: std::net::IpAddr = text("/spec/clusterIP")?.parse().ok()?;
    let port = service.data.pointer("/spec/ports/0/port")?.as_u64()?;
    let port = u16::try_from(port).ok()?;
    Some(std::net::SocketAddr::new(ip, port).to_string())
}
