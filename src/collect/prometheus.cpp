#include "collect/prometheus.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/text.h"

namespace drst {

namespace {

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

/// What is left of a line.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Empty: none begins here.
  std::string_view name() {
    const std::size_t begin = at_;
    if (at_ < text_.size() && begins_name(text_[at_]))
      while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  /// Up to the next blank.
  std::string_view word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '\t') ++at_;
    return text_.substr(begin, at_ - begin);
  }
  /// "value" with \\, \" and \n in it.
  bool quoted(std::string& value) {
    value.clear();
    if (!take('"')) return false;
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (++at_ == text_.size()) return false;
        c = text_[at_] == 'n' ? '\n' : text_[at_];
        if (c != '\n' && c != '\\' && c != '"') value += '\\';  // as Prometheus' own parser takes it
      }
      value += c;
    }
    return false;
  }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool done() const { return at_ == text_.size(); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// `{a="b",c="d",}` or nothing.
bool read_labels(Cursor& cursor, MetricLabels& labels) {
  labels.clear();
  if (!cursor.take('{')) return true;
  while (true) {
    cursor.skip_blanks();
    if (cursor.take('}')) return true;
    const auto name = cursor.name();
    if (name.empty()) return false;
    cursor.skip_blanks();
    if (!cursor.take('=')) return false;
    cursor.skip_blanks();
    labels.emplace_back(name, "");
    if (!cursor.quoted(labels.back().second)) return false;
    cursor.skip_blanks();
    if (cursor.take(',')) continue;
    return cursor.take('}');
  }
}

enum class Family { counter, histogram, other };

bool is_counter(const std::unordered_map<std::string_view, Family>& families, std::string_view name) {
  if (const auto exact = families.find(name); exact != families.end())
    return exact->second == Family::counter;
  struct Suffix {
    std::string_view text;
    Family family;
  };
  for (const auto& [suffix, family] : std::array<Suffix, 4>{{{"_total", Family::counter},
                                                             {"_bucket", Family::histogram},
                                                             {"_count", Family::histogram},
                                                             {"_sum", Family::histogram}}}) {
    if (!name.ends_with(suffix)) continue;
    const auto found = families.find(name.substr(0, name.size() - suffix.size()));
    return found != families.end() && found->second == family;
  }
  return false;
}

void read_comment(std::string_view line, std::unordered_map<std::string_view, Family>& families) {
  Cursor cursor(line);
  cursor.take('#');
  cursor.skip_blanks();
  if (cursor.word() != "TYPE") return;
  cursor.skip_blanks();
  const auto name = cursor.word();
  cursor.skip_blanks();
  const auto type = cursor.word();
  // The quantiles of a summary bear its own name and are no counts; only what has a suffix is.
  families[name] = type == "counter"                          ? Family::counter
                   : type == "histogram" || type == "summary" ? Family::histogram
                                                              : Family::other;
}

/// After the value: a timestamp, an exemplar, or nothing.
bool read_rest(Cursor& cursor) {
  cursor.skip_blanks();
  if (cursor.done() || cursor.take('#')) return true;
  if (!parse_double(cursor.word())) return false;
  cursor.skip_blanks();
  return cursor.done() || cursor.take('#');
}

}  // namespace

MetricPage read_metrics_page(std::string_view page,
                             const std::function<void(const MetricSample&)>& on_sample) {
  MetricPage read;
  std::unordered_map<std::string_view, Family> families;
  MetricLabels labels;
  for (std::size_t number = 1; !page.empty(); ++number) {
    const std::size_t end = page.find('\n');
    const std::string_view line = trim(page.substr(0, end));
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.empty()) continue;
    if (line[0] == '#') {
      read_comment(line, families);
      continue;
    }
    Cursor cursor(line);
    const auto name = cursor.name();
    const std::size_t name_end = cursor.at();
    cursor.skip_blanks();
    bool good = !name.empty() && read_labels(cursor, labels);
    const std::string_view series = labels.empty() ? line.substr(0, name_end) : line.substr(0, cursor.at());
    cursor.skip_blanks();
    const auto value = good ? parse_double(cursor.word()) : std::nullopt;
    good = good && value && read_rest(cursor);
    if (!good) {
      if (read.bad_lines++ == 0) read.first_bad_line = number;
      continue;
    }
    ++read.samples;
    on_sample({series, name, labels, *value, is_counter(families, name)});
  }
  return read;
}

bool MetricSelector::matches(const MetricSample& sample) const {
  return sample.name == name && std::ranges::all_of(labels, [&](const auto& label) {
           return std::ranges::find(sample.labels, label) != sample.labels.end();
         });
}

Result<MetricSelector> parse_metric_selector(std::string_view text) {
  Cursor cursor(trim(text));
  MetricSelector selector{std::string(cursor.name()), {}};
  cursor.skip_blanks();
  if (selector.name.empty() || !read_labels(cursor, selector.labels) || !cursor.done())
    return failure("'" + std::string(text.substr(0, 200)) +
                   "' is no metric; write name or name{label=\"value\", ...}");
  return selector;
}

namespace {

/// Where secrets stand in a URL: what is before '@', what follows '?' or '#'. A password that should have
/// been escaped may hold any of these, so the last '@' counts.
struct Secrets {
  std::size_t user = 0, user_end = 0, query;
};
Secrets secrets_of(std::string_view url) {
  Secrets found;
  const std::size_t scheme = url.find("://");
  found.user = found.user_end = scheme == std::string_view::npos ? 0 : scheme + 3;
  if (const auto at = url.rfind('@'); at != std::string_view::npos && at >= found.user) found.user_end = at;
  const auto query = url.find_first_of("?#", found.user_end);
  found.query = query == std::string_view::npos ? url.size() : query + 1;
  return found;
}

}  // namespace

std::string masked_url(std::string_view url) {
  const Secrets secrets = secrets_of(url);
  std::string masked(url.substr(0, secrets.user));
  if (secrets.user_end > secrets.user) masked += "***";
  masked += url.substr(secrets.user_end, secrets.query - secrets.user_end);
  if (secrets.query < url.size()) masked += "***";
  return masked;
}

std::string masked_words(std::string words, std::string_view url) {
  const Secrets secrets = secrets_of(url);
  const auto hide = [&](std::string_view secret) {
    if (secret.empty()) return;
    for (std::size_t at = words.find(secret); at != std::string::npos; at = words.find(secret, at + 3))
      words.replace(at, secret.size(), "***");
  };
  const auto user = url.substr(secrets.user, secrets.user_end - secrets.user);
  hide(url.substr(secrets.query));
  hide(user);
  if (const auto colon = user.find(':'); colon != std::string_view::npos)
    hide(user.substr(colon + 1));  // the password alone
  return words;
}

}  // namespace drst
