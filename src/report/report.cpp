#include "report/report.h"

#include <cmath>
#include <functional>

#include "base/files.h"
#include "base/text.h"
#include "report/plots.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

/// A table of the report: written as Markdown and as HTML from one description.
struct Grid {
  std::string title;
  std::string note;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

std::string three(double value) { return std::isfinite(value) ? to_fixed(value, 3) : "–"; }
std::string percent(double value) { return std::isfinite(value) ? to_fixed(100 * value, 1) + " %" : "–"; }
std::string short_key(const std::string& key) {
  const auto slash = key.rfind('/');
  return slash == std::string::npos ? key : key.substr(slash + 1);
}

Grid stage_grid(const Summary& summary) {
  Grid grid{
      "Stages",
      "Accuracy@0.2: share of rows predicted within 20 %. Every row counts, as it was predicted at the time.",
      {"stage", "rows", "baseline", "adaptive", "last label", "e p50", "e p90", "MAE baseline",
       "MAE adaptive"},
      {}};
  const auto add = [&](const StageResult& stage) {
    if (stage.rows == 0) return;
    const auto accuracy = [](const Metrics& m) { return m.n == 0 ? std::string("–") : percent(m.acc02); };
    grid.rows.push_back({stage.name, to_text(stage.rows), accuracy(stage.baseline), accuracy(stage.adaptive),
                         accuracy(stage.label_persistence), three(stage.adaptive.e_p50),
                         three(stage.adaptive.e_p90), three(stage.baseline.mae), three(stage.adaptive.mae)});
  };
  for (const auto& stage : summary.stages) add(stage);
  add(summary.overall);
  return grid;
}

Grid drift_grid(const Summary& summary) {
  Grid grid{
      "Drift",
      "",
      {"row", "stage", "tier", "signal, bit", "threshold, bit", "change near row", "counters behind it"},
      {}};
  for (const auto& event : summary.drift_events) {
    std::vector<std::string> top;
    for (const auto& share : event.top_features)
      if (top.size() < 4) top.push_back(share.feature + " (" + to_fixed(share.divergence, 2) + ")");
    grid.rows.push_back({to_text(event.row), event.stage, event.tier, three(event.signal_bits),
                         three(event.threshold_bits), to_text(event.change_row), join(top)});
  }
  if (grid.rows.empty()) grid.note = "No drift was noticed.";
  return grid;
}

Grid retrain_grid(const Summary& summary) {
  Grid grid{"Retrains",
            "Loss: mean of min(e, 1) on held-out later blocks.",
            {"row", "for", "tier", "candidates", "labels", "loss", "live", "baseline", "published", "why"},
            {}};
  for (const auto& event : summary.retrains)
    grid.rows.push_back({to_text(event.row), event.id, event.tier, to_text(event.candidates),
                         to_text(event.labels), three(event.val_loss), three(event.live_val_loss),
                         three(event.baseline_val_loss), event.published ? short_key(event.release) : "no",
                         event.reason});
  if (grid.rows.empty()) grid.note = "Nothing was retrained.";
  return grid;
}

Grid release_grid(const Summary& summary) {
  Grid grid{"Releases",
            "",
            {"release", "role", "state", "family", "labels", "gain over baseline", "gain over live", "parent",
             "SHA-256"},
            {}};
  for (const auto& release : summary.releases)
    grid.rows.push_back({short_key(release.model_key), release.role, release.state, release.family,
                         to_text(release.labels), three(release.gain_over_baseline),
                         three(release.gain_over_live), short_key(release.parent),
                         release.sha256.substr(0, 12)});
  return grid;
}

Grid resource_grid(const Summary& summary) {
  Grid grid{"Resources", "", {"component", "CPU, s", "peak memory, MiB"}, {}};
  for (const auto& [name, used] : summary.resources)
    grid.rows.push_back({name, to_fixed(used.cpu_s, 3), to_fixed(used.rss_peak_mib, 1)});
  if (grid.rows.empty()) grid.note = "Not measured: the components ran as processes of their own.";
  return grid;
}

std::string headline(const Summary& summary) {
  std::string text = to_text(summary.produced) + " records, " + to_text(summary.predicted) + " predicted, " +
                     to_text(summary.dead_lettered) + " dead letters, " + to_text(summary.lost) +
                     " lost. Target: " + summary.facts.target + ". Labels: ";
  if (summary.facts.label_every == 0) {
    text += "none online";
  } else {
    text += summary.facts.label_every == 1 ? "every row"
                                           : "each " + to_text(summary.facts.label_every) + "th row";
    text += summary.facts.label_delay > 0 ? ", " + to_text(summary.facts.label_delay) + " rows late"
                                          : ", at once";
  }
  text += ". Accuracy@0.2: baseline " + percent(summary.overall.baseline.acc02) + ", adaptive " +
          percent(summary.overall.adaptive.acc02) + ".";
  if (summary.facts.simulated_data) text += " The chain is simulated: no real tables were at hand.";
  return text;
}

std::string markdown(const Summary& summary, const std::vector<Plot>& plots, const std::vector<Grid>& grids) {
  const auto cell = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
    return out;
  };
  std::string out = "# DRST run " + summary.facts.run_id + "\n\n" + headline(summary) + "\n";
  for (const auto& plot : plots)
    out += "\n## " + plot.title + "\n\n![" + plot.title + "](plots/" + plot.name + ".svg)\n\n" +
           plot.caption + "\n";
  for (const auto& grid : grids) {
    out += "\n## " + grid.title + "\n\n";
    if (!grid.note.empty()) out += grid.note + "\n\n";
    if (grid.rows.empty()) continue;
    out += "|";
    for (const auto& name : grid.head) out += " " + cell(name) + " |";
    out += "\n|";
    for (std::size_t i = 0; i < grid.head.size(); ++i) out += "---|";
    out += "\n";
    for (const auto& row : grid.rows) {
      out += "|";
      for (const auto& text : row) out += " " + cell(text) + " |";
      out += "\n";
    }
  }
  return out;
}

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

constexpr const char* style = R"(
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#ffffff;--soft:#5c6570;--line:#d9dee4;--card:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--fg:#e6e9ee;--bg:#14171b;--soft:#9aa4b0;--line:#333a42;--card:#1c2127}}
body{margin:0 auto;max-width:1240px;padding:1.5rem;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .4rem}p{margin:.4rem 0;color:var(--soft)}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem 1rem;min-width:8rem}
.tile b{display:block;font-size:1.5rem}.tile span{color:var(--soft)}
figure{margin:.5rem 0;background:#fff;border:1px solid var(--line);border-radius:8px;padding:.5rem;overflow-x:auto}figure svg{max-width:100%;height:auto;display:block}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{color:var(--soft);font-weight:600;white-space:nowrap}
)";

std::string html(const Summary& summary, const std::vector<Plot>& plots, const std::vector<Grid>& grids,
                 const fs::path& folder) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>DRST run " +
      escape(summary.facts.run_id) + "</title><style>" + style + "</style></head><body>\n<h1>DRST run " +
      escape(summary.facts.run_id) + "</h1>\n<p>" + escape(headline(summary)) + "</p>\n<div class=\"tiles\">";
  const auto tile = [&](const std::string& value, const std::string& name) {
    out += "<div class=\"tile\"><b>" + escape(value) + "</b><span>" + escape(name) + "</span></div>";
  };
  tile(percent(summary.overall.adaptive.acc02), "adaptive accuracy@0.2");
  tile(percent(summary.overall.baseline.acc02), "baseline accuracy@0.2");
  tile(to_text(summary.drift_events.size()), "drift events");
  tile(to_text(summary.retrains.size()), "retrains");
  tile(to_text(summary.releases.size()), "releases");
  tile(to_text(summary.lost), "records lost");
  out += "</div>\n";
  for (const auto& plot : plots) {
    std::string svg = read_file(folder / "plots" / (plot.name + ".svg"), 64u << 20);
    const auto start = svg.find("<svg");  // the XML declaration has no place inside a page
    if (start != std::string::npos) svg.erase(0, start);
    out += "<h2>" + escape(plot.title) + "</h2>\n<figure>" + svg + "</figure>\n<p>" + escape(plot.caption) +
           "</p>\n";
  }
  for (const auto& grid : grids) {
    out += "<h2>" + escape(grid.title) + "</h2>\n";
    if (!grid.note.empty()) out += "<p>" + escape(grid.note) + "</p>\n";
    if (grid.rows.empty()) continue;
    out += "<div class=\"scroll\"><table><thead><tr>";
    for (const auto& name : grid.head) out += "<th>" + escape(name) + "</th>";
    out += "</tr></thead><tbody>\n";
    for (const auto& row : grid.rows) {
      out += "<tr>";
      for (const auto& text : row) out += "<td>" + escape(text) + "</td>";
      out += "</tr>\n";
    }
    out += "</tbody></table></div>\n";
  }
  return out + "</body></html>\n";
}

}  // namespace

void write_report(ObjectStore& store, const fs::path& out) {
  Series series;
  const Summary summary = summarize(store, &series);
  make_folders(fs::absolute(out / "plots"));
  write_file_atomic(out / "summary.json", to_json(summary));
  const auto plots = draw_plots(summary, series, read_drift_signal(store), fs::absolute(out / "plots"));
  const std::vector<Grid> grids = {stage_grid(summary), drift_grid(summary), retrain_grid(summary),
                                   release_grid(summary), resource_grid(summary)};
  write_file_atomic(out / "report.md", markdown(summary, plots, grids));
  write_file_atomic(out / "report.html", html(summary, plots, grids, out));
}

}  // namespace drst
