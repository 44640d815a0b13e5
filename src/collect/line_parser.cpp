#include "collect/line_parser.h"

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double quiet_share = 0.3;                 // of an interval without a line: the tool has said all
constexpr std::size_t most_group_bytes = 16 << 20;  // thousands of CPUs times dozens of events
}  // namespace

LineParser::LineParser(const SourceSpec& spec, const CollectSettings& settings)
    : interval_ns_(settings.interval_s * 1e9), columns_(spec, settings) {}

void LineParser::new_row(std::int64_t came_ns) {
  ++newest_.number;
  newest_.came_ns = came_ns;
  newest_.interval_s = nan;
  newest_.values.assign(columns_.names().size(), nan);
  newest_.shares.assign(columns_.names().size(), nan);
}

void LineParser::set(std::size_t place, double value, double share) {
  if (place >= newest_.values.size()) {  // a column that was met just now
    newest_.values.resize(place + 1, nan);
    newest_.shares.resize(place + 1, nan);
  }
  newest_.values[place] = value;
  newest_.shares[place] = share;
}

std::string LineParser::words() const {
  std::vector<std::string> met;
  for (std::size_t i = 0; i < dirt_kinds; ++i) {
    const auto kind = static_cast<Dirt>(i);
    if (dirt_.count(kind) > 0) met.push_back(std::string(to_text(kind)) + " " + to_text(dirt_.count(kind)));
  }
  return join_words({note(), columns_.words(), join(met)});
}

void GroupParser::line(std::string_view text) {
  if (!takes(text)) return;
  if (!lines_.empty() && is_next(first_, text)) finish();
  if (lines_.empty()) first_ = text;
  if (lines_.size() + text.size() > most_group_bytes) {
    dirt_.add(Dirt::ragged_row);
    return;
  }
  lines_ += text;
  lines_ += '\n';
  last_ns_ = now_ns_;
  parsed_ = false;
}

void GroupParser::parse_once() {
  if (!parsed_) parse(lines_, last_ns_, !partial_);
  parsed_ = true;
}

void GroupParser::settle() {
  if (lines_.empty() || parsed_ || static_cast<double>(now_ns_ - last_ns_) < quiet_share * interval_ns_)
    return;
  parse_once();
  if (!timed()) finish();
}

void GroupParser::finish() {
  if (lines_.empty()) return;
  parse_once();
  ended();
  drop();
}

void GroupParser::drop() {
  lines_.clear();
  parsed_ = false;
  partial_ = false;
}

void GroupParser::begins(Begin how) {
  if (how == Begin::file) return;  // the same tool may go on in it
  if (how == Begin::run) finish();
  drop();
  partial_ = how == Begin::gap;
}

std::unique_ptr<LineParser> make_line_parser(const SourceSpec& spec, const CollectSettings& settings) {
  if (spec.type == "perf_stat") return make_perf_parser(spec, settings);
  if (spec.type == "pcm") return make_pcm_parser(spec, settings);
  if (spec.type == "nf_out") return make_nf_out_parser(spec, settings);
  if (spec.type == "moongen") return make_rate_parser(spec, settings);
  if (spec.type == "latency") return make_latency_parser(spec, settings);
  throw InputError(spec.where + ": no source is of type '" + spec.type + "'");
}

}  // namespace drst
