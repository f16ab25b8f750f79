//! Log lines as JSON objects.
//!
//! One object per line: `timestamp, level, target, message, trace_id, span_id`, then the fields of
//! the event and of the spans around it, all on the same level; the innermost wins.

use std::io::Write;
use std::sync::OnceLock;

use jiff::Timestamp;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::dispatcher::{Dispatch, WeakDispatch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope, SpanRef};

/// Writes each event as one line to what `writer` returns.
pub(super) struct JsonLines<W> {
    writer: W,
    dispatch: OnceLock<WeakDispatch>,
}

/// The fields of a span, kept with it.
struct Fields(Map<String, Value>);

impl<W> JsonLines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self {
            writer,
            dispatch: OnceLock::new(),
        }
    }

    /// The ids of the span's trace and of the span itself.
    fn ids<'a, S: Subscriber + LookupSpan<'a>>(
        &self,
        span: &SpanRef<'a, S>,
    ) -> Option<(String, String)> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(&span.id(), &dispatch)?;
        let context = context.span().span_context().clone();
        context.is_valid().then(|| {
            (
                context.trace_id().to_string(),
                context.span_id().to_string(),
            )
        })
    }
}

impl<S, W, O> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn() -> O + 'static,
    O: Write,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // Set once; there is one subscriber per process.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut fields = Fields(Map::new());
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        for span in ctx
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root)
        {
            if let Some(Fields(of_span)) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.clone());
            }
        }
        event.record(&mut fields);
        let ids = ctx.event_span(event).and_then(|span| self.ids(&span));
        let mut line = line(event, ids, fields);
        line.push('\n');
        // There is nowhere to report that a log line could not be written.
        let _ = (self.writer)().write_all(line.as_bytes());
    }
}

fn line(event: &Event<'_>, ids: Option<(String, String)>, mut fields: Fields) -> String {
    let mut line = Map::new();
    line.insert(
        "timestamp".into(),
        format!("{:.6}", Timestamp::now()).into(),
    );
    line.insert("level".into(), event.metadata().level().as_str().into());
    line.insert("target".into(), event.metadata().target().into());
    if let Some(message) = fields.0.remove("message") {
        line.insert("message".into(), message);
    }
    if let Some((trace, span)) = ids {
        line.insert("trace_id".into(), trace.into());
        line.insert("span_id".into(), span.into());
    }
    for (name, value) in fields.0 {
        // What the line says about itself is not overwritten by a field of the same name.
        line.entry(name).or_insert(value);
    }
    Value::Object(line).to_string()
}

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `log` writes, and the trace id it returns.
    fn lines(log: impl FnOnce() -> Option<String>) -> (Vec<Value>, Option<String>) {
        let output = Output::default();
        let writer = output.clone();
        let provider = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(JsonLines::new(move || writer.clone()))
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
        let trace = tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        (
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            trace,
        )
    }

    #[test]
    fn a_line_carries_the_ids_of_its_span_and_the_fields_of_both() {
        let (lines, trace) = lines(|| {
            let span =
                tracing::info_span!(parent: None, "reconcile", name = "shop", generation = 3_i64);
            let _entered = span.enter();
            tracing::warn!(count = 2_u64, "two \"left\"\n");
            crate::telemetry::trace_id(&span)
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "two \"left\"\n");
        assert_eq!(line["name"], "shop");
        assert_eq!(line["generation"], 3);
        assert_eq!(line["count"], 2);
        assert_eq!(line["trace_id"].as_str(), trace.as_deref());
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
        assert!(
            line["timestamp"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
    }

    #[test]
    fn without_a_span_there_are_no_ids_and_the_innermost_field_wins() {
        let (lines, _) = lines(|| {
            tracing::info!(level = "mine", "outside");
            let outer = tracing::info_span!("outer", shard = "0", step = "observe");
            let _outer = outer.enter();
            tracing::info!(step = "apply", "inside");
            None
        });
        let [outside, inside] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert!(outside.get("trace_id").is_none());
        assert_eq!(outside["level"], "INFO");
        assert_eq!(inside["shard"], "0");
        assert_eq!(inside["step"], "apply");
    }
}
