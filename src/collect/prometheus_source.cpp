#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "collect/asking.h"
#include "collect/columns.h"
#include "collect/prometheus.h"
#include "collect/rate.h"
#include "collect/source.h"
#include "store/s3_http.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A series of the page that a choice takes.
struct Found {
  std::string series;
  double value = 0;
  bool counter = false;
};

struct PageAnswer {
  std::vector<std::vector<Found>> found;  ///< by choice
  std::size_t bad_lines = 0, first_bad_line = 0;
  std::int64_t at_ns = 0;
  std::string words;  ///< why there is none
};

/// What is asked on the other thread.
class Page {
 public:
  Page(std::string url, std::size_t most_bytes, std::vector<MetricSelector> choices)
      : url_(std::move(url)), most_bytes_(most_bytes), choices_(std::move(choices)) {}

  PageAnswer ask(std::int64_t deadline_ns) {
    PageAnswer answer;
    HttpCall call;
    call.method = "GET";
    call.url = url_;
    call.headers = {"Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4"};
    call.body_limit = most_bytes_;
    call.timeout_s = std::max(0.001, static_cast<double>(deadline_ns - monotonic_ns()) * 1e-9);
    const HttpAnswer http = pool_.exchange(call);
    answer.at_ns = monotonic_ns();
    if (!http.good()) {
      answer.words = why(http);
      return answer;
    }
    answer.found.resize(choices_.size());
    const MetricPage page = read_metrics_page(http.body, [&](const MetricSample& sample) {
      for (std::size_t i = 0; i < choices_.size(); ++i)
        if (choices_[i].matches(sample))
          answer.found[i].push_back({std::string(sample.series), sample.value, sample.counter});
    });
    answer.bad_lines = page.bad_lines;
    answer.first_bad_line = page.first_bad_line;
    if (page.samples == 0) answer.words = "its answer holds no metrics";
    return answer;
  }

 private:
  [[nodiscard]] std::string why(const HttpAnswer& http) const {
    if (http.kind == HttpAnswer::Kind::answered)
      return "HTTP status " + to_text(http.status) +
             (http.status >= 300 && http.status < 400 ? "; redirects are not followed" : "");
    if (http.kind == HttpAnswer::Kind::too_large) return "its answer is beyond collect.max_answer_bytes";
    return "no answer: " + masked_words(http.words, url_);
  }

  std::string url_;
  std::size_t most_bytes_;
  std::vector<MetricSelector> choices_;
  HttpPool pool_{HttpLimits{}};  // the timeout of the whole exchange is shorter than any of these
};

/// The series of one choice, each with its own rate: were they summed first, one that began anew would hide
/// behind another that grew.
class Choice {
 public:
  Choice(std::optional<std::size_t> column, std::string how) : place(column), as_(std::move(how)) {}

  double next(const std::vector<Found>& found, std::int64_t at_ns) {
    const bool rate = as_ == "rate" || (as_ == "auto" && !found.empty() && found.front().counter);
    double sum = found.empty() ? nan : 0;
    if (!rate) {
      for (const auto& one : found) sum += one.value;
      return std::isfinite(sum) ? sum : nan;
    }
    std::unordered_map<std::string, CounterRate> kept;
    std::size_t known = 0;
    for (const auto& one : found) {
      const auto before = rates_.find(one.series);
      CounterRate counter = before == rates_.end() ? CounterRate() : before->second;
      const double per_second = counter.next(one.value, at_ns);
      kept.insert_or_assign(one.series, counter);
      if (before == rates_.end()) continue;  // new: it has no rate before the next page
      ++known;
      sum += per_second;
    }
    rates_ = std::move(kept);
    return known > 0 && std::isfinite(sum) ? sum : nan;
  }

  std::optional<std::size_t> place;

 private:
  std::string as_;
  std::unordered_map<std::string, CounterRate> rates_;  ///< of the series of the last page
};

class PrometheusSource final : public Source {
 public:
  PrometheusSource(const SourceSpec& spec, const CollectSettings& settings)
      : name_("prometheus " + masked_url(spec.url)), patience_(settings.patience), columns_(spec, settings) {
    std::vector<MetricSelector> selectors;
    for (const auto& choice : spec.metrics) {
      auto selector = parse_metric_selector(choice.metric);
      if (!selector) throw InputError(spec.where + ": " + selector.error().reason);
      const std::string column = choice.column.empty() ? choice.metric : choice.column;
      const auto& known = columns_.names();
      if (std::find(known.begin(), known.end(), column) != known.end())
        throw InputError(spec.where + ": two metrics make a column '" + column + "'; name one by column");
      choices_.emplace_back(columns_.place(column), choice.as);
      texts_.push_back(choice.metric);
      selectors.push_back(std::move(*selector));
    }
    const auto page = std::make_shared<Page>(spec.url, static_cast<std::size_t>(settings.max_answer_bytes),
                                             std::move(selectors));
    asking_.emplace([page](std::int64_t deadline_ns) { return page->ask(deadline_ns); });
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_.names(); }

  void ask(const Tick& tick) override { asking_->ask(answer_deadline_ns(tick, patience_)); }
  [[nodiscard]] bool answered() const override { return asking_->answered(); }

  /// Shares stay unknown: when the exporter looked is not told.
  void take(const Tick&, std::span<double> values, std::span<double>) override {
    const auto answer = asking_->take();
    lacking_.clear();
    present_ = answer && answer->words.empty();
    words_ = answer ? answer->words : "no answer in time";
    if (!present_) return;
    if (answer->bad_lines > 0)
      words_ = to_text(answer->bad_lines) + " lines are no metrics, the first is line " +
               to_text(answer->first_bad_line);
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (answer->found[i].empty()) lacking_.push_back(texts_[i]);
      const double value = choices_[i].next(answer->found[i], answer->at_ns);
      if (choices_[i].place) values[*choices_[i].place] = value;
    }
    present_ = lacking_.empty();
  }

  [[nodiscard]] SourceState state() const override {
    return {present_, join_words({words_, lacking_.empty() ? "" : "not on the page: " + join_first(lacking_),
                                  columns_.words()})};
  }

 private:
  std::string name_;
  double patience_;
  ColumnSet columns_;
  std::vector<Choice> choices_;
  std::vector<std::string> texts_;
  std::vector<std::string> lacking_;
  bool present_ = false;
  std::string words_;
  std::optional<Asking<PageAnswer>> asking_;
};

}  // namespace

std::unique_ptr<Source> make_prometheus_source(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<PrometheusSource>(spec, settings);
}

}  // namespace drst
