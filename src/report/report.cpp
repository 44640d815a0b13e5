#include "report/report.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "report/plots.h"
#include "report/tables.h"
#include "store/prefix_store.h"
#include "stream/lane.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

/// Longer tables are shortened in Markdown and scroll in HTML.
constexpr std::size_t many_rows = 40;

struct Section {
  std::string title;
  const Plot* plot = nullptr;  ///< null: none, or it could not be drawn
  std::vector<Grid> grids;
};

std::vector<Section> sections_of(const Summary& summary, const std::vector<Plot>& plots) {
  const auto plot = [&](const std::string& name) {
    const auto found =
        std::find_if(plots.begin(), plots.end(), [&](const Plot& p) { return p.name == name; });
    return found == plots.end() ? nullptr : &*found;
  };
  std::vector<Section> all = {
      {"The run over time", plot("timeline"), {}},
      {"Stages", plot("accuracy"), {stage_grid(summary)}},
      {"Errors", plot("error_cdf"), {}},
      {"Drift", plot("drift_heat"), {drift_grid(summary)}},
      {"Retrains", nullptr, {retrain_grid(summary), refit_grid(summary), judgement_grid(summary)}},
      {"Releases", nullptr, {release_grid(summary)}},
      {"Resources", plot("resources"), {resource_grid(summary)}},
  };
  // A further target's before what the whole run used.
  for (const auto& other : summary.further)
    all.insert(all.end() - 1, {{other.target + " over time", plot("timeline-" + other.target), {}},
                               {other.target + ": stages", nullptr, {stage_grid(other)}},
                               {other.target + ": retrains",
                                nullptr,
                                {retrain_grid(other), refit_grid(other), judgement_grid(other)}},
                               {other.target + ": releases", nullptr, {release_grid(other)}}});
  std::erase_if(all, [](const Section& section) { return section.plot == nullptr && section.grids.empty(); });
  return all;
}

std::string markdown(const Grid& grid) {
  const auto cell = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
    return out;
  };
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const auto& text : cells) out += " " + cell(text) + " |";
    return out + "\n";
  };
  std::string out;
  if (!grid.title.empty()) out += "\n### " + grid.title + "\n";
  if (!grid.note.empty()) out += "\n" + grid.note + "\n";
  if (grid.rows.empty()) return out;
  out += "\n" + line(grid.head) + "|";
  for (std::size_t i = 0; i < grid.head.size(); ++i) out += "---|";
  out += "\n";
  const std::size_t rows = grid.rows.size();
  const std::size_t ends = rows > many_rows ? many_rows / 2 : rows;
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool kept =
        i < ends || i >= rows - ends || std::find(grid.keep.begin(), grid.keep.end(), i) != grid.keep.end();
    if (!kept) {
      ++left_out;
      continue;
    }
    if (left_out > 0) {
      std::vector<std::string> dots(grid.head.size(), "…");
      dots.back() = to_text(std::exchange(left_out, 0)) + " more in report.html";
      out += line(dots);
    }
    out += line(grid.rows[i]);
  }
  return out;
}

std::string markdown(const Summary& summary, const std::vector<Section>& sections) {
  std::string out = "# DRST run " + summary.facts.run_id + "\n\n" + headline(summary) + "\n";
  for (const auto& note : all_notes(summary)) out += "\n**Note:** " + note + ".\n";
  for (const auto& section : sections) {
    out += "\n## " + section.title + "\n";
    if (section.plot != nullptr)
      out += "\n![" + section.plot->title + "](plots/" + section.plot->name + ".svg)\n\n" +
             section.plot->caption + "\n";
    for (const auto& grid : section.grids) out += markdown(grid);
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
h3{font-size:1rem;margin:1.2rem 0 .2rem}.scroll{overflow-x:auto}.long{max-height:26rem;overflow-y:auto;border:1px solid var(--line);border-radius:8px}.long th{position:sticky;top:0;background:var(--card)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{color:var(--soft);font-weight:600;white-space:nowrap}
)";

std::string html(const Grid& grid) {
  std::string out;
  if (!grid.title.empty()) out += "<h3>" + escape(grid.title) + "</h3>\n";
  if (!grid.note.empty()) out += "<p>" + escape(grid.note) + "</p>\n";
  if (grid.rows.empty()) return out;
  out += std::string("<div class=\"scroll") + (grid.rows.size() > many_rows ? " long" : "") +
         "\"><table><thead><tr>";
  for (const auto& name : grid.head) out += "<th>" + escape(name) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const auto& row : grid.rows) {
    out += "<tr>";
    for (const auto& text : row) out += "<td>" + escape(text) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string tiles(const Summary& summary) {
  std::string out = "<div class=\"tiles\">";
  const auto tile = [&](const std::string& value, const std::string& name) {
    out += "<div class=\"tile\"><b>" + escape(value) + "</b><span>" + escape(name) + "</span></div>";
  };
  const auto count = [&](const char* kind, bool published) {
    return to_text(std::count_if(summary.retrains.begin(), summary.retrains.end(), [&](const auto& event) {
      return event.kind == kind && event.published == published;
    }));
  };
  tile(percent(summary.overall.adaptive.acc02), "adaptive accuracy@0.2");
  tile(percent(summary.overall.baseline.acc02), "baseline accuracy@0.2");
  tile(to_text(summary.drift_events.size()), "drift events");
  tile(count("answer", true), "answers to drift published");
  tile(count("answer", false), "answers not published");
  tile(count("refit", true), "refits published");
  tile(count("rollback", false), "rollbacks");
  tile(to_text(summary.lost), "records lost");
  return out + "</div>\n";
}

std::string html(const Summary& summary, const std::vector<Section>& sections, const fs::path& folder) {
  const std::string title = "DRST run " + escape(summary.facts.run_id);
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>" +
      title + "</title><style>" + style + "</style></head><body>\n<h1>" + title + "</h1>\n<p>" +
      escape(headline(summary)) + "</p>\n";
  for (const auto& note : all_notes(summary)) out += "<p><b>Note:</b> " + escape(note) + ".</p>\n";
  out += tiles(summary);
  for (const auto& section : sections) {
    out += "<h2>" + escape(section.title) + "</h2>\n";
    if (section.plot != nullptr) {
      std::string svg = read_file(folder / "plots" / (section.plot->name + ".svg"), 64u << 20);
      const auto start = svg.find("<svg");  // the XML declaration has no place inside a page
      if (start != std::string::npos) svg.erase(0, start);
      out += "<figure>" + svg + "</figure>\n<p>" + escape(section.plot->caption) + "</p>\n";
    }
    for (const auto& grid : section.grids) out += html(grid);
  }
  return out + "</body></html>\n";
}

}  // namespace

Summary write_report(ObjectStore& store, const fs::path& out, const std::string& run_id,
                     const LogFacts& of_log) {
  Series series;
  Summary summary = summarize(store, &series, run_id);
  const int64_t predictions = of_log.predictions;
  int64_t shown = summary.predicted;
  for (const auto& other : summary.further) shown += other.predicted;
  if (shown < predictions)
    throw FailedError("the log holds " + to_text(predictions) + " predictions of run " +
                      summary.facts.run_id + ", of which " + store.url() + " shows " + to_text(shown) +
                      " although all were written to it: its lists or reads are not consistent; try again");
  summary.notes.insert(summary.notes.end(), of_log.notes.begin(), of_log.notes.end());
  if (summary.lost_of_all() > 0)
    summary.notes.insert(summary.notes.end(), of_log.retention.begin(), of_log.retention.end());
  make_folders(fs::absolute(out / "plots"));
  write_file_atomic(out / "summary.json", to_json(summary));
  std::vector<DriftSignal> signals = {read_drift_signal(store)};
  for (const auto& other : summary.further) {
    PrefixStore part(store, lane_prefix(other.target));
    signals.push_back(read_drift_signal(part));
  }
  const auto plots = draw_plots(summary, series, signals, fs::absolute(out / "plots"));
  const auto sections = sections_of(summary, plots);
  write_file_atomic(out / "report.md", markdown(summary, sections));
  write_file_atomic(out / "report.html", html(summary, sections, out));
  return summary;
}

}  // namespace drst
