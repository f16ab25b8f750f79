//! A dashboard in Grafana's form.

use serde_json::{Value, json};

use super::{Dashboard, Kind, Panel, Query, Unit, Variable};

/// The width of everything, in Grafana's units.
const WIDTH: usize = 24;

/// The source of the data, as it was chosen.
fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

pub(super) fn dashboard(dashboard: &Dashboard) -> Value {
    let variables = dashboard.variables.iter().map(variable);
    json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["restapi"],
        "schemaVersion": 39,
        // It is made from the repository: changes are made there.
        "editable": false,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "links": [{
            "type": "dashboards",
            "title": "RestAPI",
            "tags": ["restapi"],
            "asDropdown": true,
            "keepTime": true,
        }],
        "templating": {"list": std::iter::once(source()).chain(variables).collect::<Vec<_>>()},
        "panels": panels(dashboard),
    })
}

fn source() -> Value {
    json!({
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    })
}

fn variable(variable: &Variable) -> Value {
    json!({
        "name": variable.name,
        "label": variable.title,
        "type": "query",
        "datasource": datasource(),
        "query": {"query": variable.values, "refId": variable.name},
        "regex": if variable.only.is_empty() { String::new() } else { format!("/^({})$/", variable.only) },
        "includeAll": true,
        "multi": true,
        "allValue": if variable.only.is_empty() { ".+" } else { variable.only },
        "current": {"text": "All", "value": "$__all"},
        // Whenever the range of time changes: what there was then.
        "refresh": 2,
        "sort": 1,
    })
}

/// All rows with their panels, from left to right and from top to bottom.
fn panels(dashboard: &Dashboard) -> Vec<Value> {
    let chosen = chosen(&dashboard.variables);
    let mut all = Vec::new();
    let mut top = 0;
    for row in &dashboard.rows {
        all.push(json!({
            "id": all.len() + 1,
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            "panels": [],
        }));
        top += 1;
        let (mut left, mut height) = (0, 0);
        for (number, one) in row.panels.iter().enumerate() {
            let (mut w, h) = size(one.kind);
            if left + w > WIDTH {
                (left, top, height) = (0, top + height, 0);
            }
            let is_last = number + 1 == row.panels.len();
            if is_last && left == 0 {
                w = WIDTH;
            }
            let mut panel = panel(one, &chosen);
            if let Some(fields) = panel.as_object_mut() {
                fields.insert("id".to_owned(), json!(all.len() + 1));
                fields.insert(
                    "gridPos".to_owned(),
                    json!({"x": left, "y": top, "w": w, "h": h}),
                );
            }
            all.push(panel);
            left += w;
            height = height.max(h);
        }
        top += height;
    }
    all
}

const fn size(kind: Kind) -> (usize, usize) {
    match kind {
        Kind::Figure => (4, 4),
        Kind::Lines | Kind::Areas => (12, 8),
        Kind::Alerts => (24, 5),
    }
}

/// What every selector asks for: job and instance, and where it is chosen, which application.
fn chosen(variables: &[Variable]) -> String {
    let of_series = ["job", "instance", "namespace", "application"];
    let names = variables.iter().map(|variable| variable.name);
    let chosen = names.filter(|name| of_series.contains(name));
    let chosen: Vec<_> = chosen.map(|name| format!("{name}=~\"${name}\"")).collect();
    chosen.join(", ")
}

fn panel(panel: &Panel, chosen: &str) -> Value {
    let mut all = json!({
        "title": panel.title,
        "description": panel.description,
        "type": type_of(panel.kind),
        "datasource": datasource(),
        "options": options(panel.kind),
    });
    if let Some(fields) = all.as_object_mut().filter(|_| panel.kind != Kind::Alerts) {
        let defaults = json!({"defaults": defaults(panel), "overrides": []});
        fields.insert("fieldConfig".to_owned(), defaults);
        fields.insert("targets".to_owned(), targets(panel, chosen).into());
    }
    all
}

fn targets(panel: &Panel, chosen: &str) -> Vec<Value> {
    let letters = ["A", "B", "C", "D"];
    let targets = panel.queries.iter().zip(letters);
    targets
        .map(|(query, letter)| target(query, (letter, panel.kind), chosen))
        .collect()
}

const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Figure => "stat",
        Kind::Lines | Kind::Areas => "timeseries",
        Kind::Alerts => "alertlist",
    }
}

fn target(query: &Query, (letter, kind): (&str, Kind), chosen: &str) -> Value {
    let is_figure = kind == Kind::Figure;
    json!({
        "refId": letter,
        "datasource": datasource(),
        "expr": query.expr.replace('@', chosen),
        "legendFormat": query.legend,
        "range": !is_figure,
        "instant": is_figure,
        "exemplar": !is_figure && query.expr.contains("_bucket{"),
    })
}

fn defaults(panel: &Panel) -> Value {
    let unit = unit(panel.unit);
    let (opacity, stacking) = match panel.kind {
        Kind::Figure | Kind::Alerts => return json!({"unit": unit}),
        Kind::Lines => (0, "none"),
        Kind::Areas => (40, "normal"),
    };
    // A share that is near 1 is to be seen from near.
    let least = (panel.unit != Unit::Share).then_some(0);
    json!({
        "unit": unit,
        "min": least,
        "custom": {
            "lineWidth": 1,
            "fillOpacity": opacity,
            "showPoints": "never",
            "stacking": {"mode": stacking, "group": "A"},
        },
    })
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Number => "short",
        Unit::PerSecond => "ops",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Bytes => "bytes",
        Unit::Share => "percentunit",
    }
}

fn options(kind: Kind) -> Value {
    match kind {
        Kind::Figure => json!({
            "colorMode": "none",
            "graphMode": "none",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        }),
        Kind::Lines | Kind::Areas => json!({
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Kind::Alerts => json!({
            "viewMode": "list",
            "groupMode": "default",
            "maxItems": 20,
            "sortOrder": 1,
            "alertInstanceLabelFilter": "{alertname=~\"RestAPI.+\"}",
            "stateFilter": {"firing": true, "pending": true, "noData": false, "normal": false, "error": true},
        }),
    }
}
