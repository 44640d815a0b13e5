#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/decimal.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "table/csv.h"
#include "table/csv_cell.h"

namespace drst {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

bool is_index_name(std::string_view name) { return name.empty() || name.starts_with("Unnamed:"); }

/// One pass over one text. Rows are gathered in a block that fits the cache and then moved into the columns:
/// writing to 63 columns at each row would touch 63 pages.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source, const CsvOptions& options, CsvReport& report)
      : at_(text.data()), end_(at_ + text.size()), source_(source), options_(options), report_(report) {}

  Table read() {
    read_header();
    std::size_t row = 0;
    while (at_ != end_ && row < options_.row_end) {
      if (skip_blank_line()) continue;
      if (row >= options_.row_begin) {
        read_row();
      } else {
        skip_row();
      }
      ++row;
    }
    flush();
    return finish();
  }

 private:
  struct Field {
    std::string_view text;  ///< into the file, or into scratch_
    bool quoted = false;
    bool malformed = false;  ///< text after a closing quote
  };

  [[noreturn]] void refuse(const std::string& what) const {
    throw InputError(source_ + ":" + to_text(line_) + ": " + what);
  }
  void note(const std::string& what) {
    constexpr std::size_t most = 20;
    if (report_.notes.size() < most) report_.notes.push_back(source_ + ":" + to_text(line_) + ": " + what);
  }
  [[nodiscard]] bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != options_.separator; }
  std::string_view trimmed(std::string_view text) {
    if (text.ends_with('\r')) {
      report_.had_crlf = true;
      text.remove_suffix(1);
    }
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
  }

  /// Where the plain text that begins at `from` meets a separator or the end of its line.
  [[nodiscard]] const char* delimiter(const char* from) const {
    while (from != end_ && *from != options_.separator && *from != '\n') ++from;
    return from;
  }

  /// Takes one field of any kind; at_ is then at its delimiter.
  Field take_field() {
    const char* from = at_;
    while (from != end_ && is_blank(*from)) ++from;
    if (from != end_ && *from == '"' && !quotes_are_text_)
      if (auto field = take_quoted(from + 1)) return *field;
    const char* const stop = delimiter(from);
    const Field field{trimmed({from, static_cast<std::size_t>(stop - from)})};
    at_ = stop;
    return field;
  }

  /// A quoted field whose text begins at `from`. Without a closing quote: an error, or (lenient) all quotes
  /// from here on are plain text, so that one stray quote neither swallows the file nor makes reading it
  /// quadratic.
  std::optional<Field> take_quoted(const char* from) {
    scratch_.clear();
    std::int64_t lines = 0;
    for (;;) {
      const auto* const quote =
          static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(end_ - from)));
      if (quote == nullptr) {
        if (!options_.lenient) refuse("a quote is opened here and never closed");
        note("a quote is opened here and never closed; quotes from here on are read as text");
        quotes_are_text_ = true;
        return std::nullopt;
      }
      lines += std::count(from, quote, '\n');
      scratch_.append(from, quote);
      from = quote + 1;
      if (from == end_ || *from != '"') break;
      scratch_ += '"';
      ++from;
    }
    const char* const stop = delimiter(from);
    const bool trailing = !trimmed({from, static_cast<std::size_t>(stop - from)}).empty();
    at_ = stop;
    quoted_lines_ += lines;  // counted when the row ends, so that messages name the line it began on
    return Field{scratch_, true, trailing};
  }

  void end_line() {
    ++at_;
    line_ += 1 + quoted_lines_;
    quoted_lines_ = 0;
  }

  bool skip_blank_line() {
    const char* from = at_;
    while (from != end_ && (is_blank(*from) || *from == '\r')) ++from;
    if (from != end_ && *from != '\n') return false;
    at_ = from;
    if (at_ != end_) end_line();
    return true;
  }

  void skip_row() {
    while (at_ != end_) {
      take_field();
      if (at_ == end_) return;
      if (*at_ == '\n') return end_line();
      ++at_;
    }
  }

  void read_header() {
    check_options();
    if (end_ - at_ >= 3 && std::memcmp(at_, "\xEF\xBB\xBF", 3) == 0) {
      report_.had_bom = true;
      at_ += 3;
    }
    if (end_ - at_ >= 2 && (std::memcmp(at_, "\xFF\xFE", 2) == 0 || std::memcmp(at_, "\xFE\xFF", 2) == 0))
      refuse("this is UTF-16; save it as UTF-8");
    while (at_ != end_ && skip_blank_line()) {
    }
    if (at_ == end_)
      throw InputError(source_ + ": the file is empty; it needs a header row with column names");
    for (;;) {
      const Field field = take_field();
      if (field.malformed) refuse("column " + to_text(names_.size() + 1) + ": text after a closing quote");
      if (!field.quoted && field.text.find('\r') != std::string_view::npos)
        refuse("a carriage return without a line feed; if lines end so, save the file with \\n or \\r\\n");
      names_.emplace_back(field.text);
      if (names_.size() > options_.max_columns)
        refuse("more than " + to_text(options_.max_columns) + " columns; is '" + options_.separator +
               "' the separator?");
      if (at_ == end_ || *at_ == '\n') break;
      ++at_;
    }
    name_columns();
    if (at_ != end_) end_line();
    columns_.resize(names_.size());
    constexpr std::size_t block_bytes = 128 * 1024;
    block_rows_ = std::max<std::size_t>(1, block_bytes / (names_.size() * sizeof(double)));
    block_.resize(block_rows_ * names_.size());
    previous_index_.assign(index_columns_, missing);
    data_begin_ = at_;
  }

  void check_options() const {
    const char s = options_.separator;
    if (s == '"' || s == '\n' || s == '\r' || s == '.' || s == '-' || s == '+' || detail::is_digit(s))
      throw InputError(source_ + ": '" + std::string(1, s) + "' cannot separate columns");
  }

  /// A file without a header would lose its first row and be known by numbers.
  [[nodiscard]] bool numbers_only() const {
    bool any = false;
    for (std::size_t i = index_columns_; i < names_.size(); ++i) {
      double value = 0;
      const auto cell = detail::read_cell(names_[i], value);
      if (cell == detail::Cell::bad) return false;
      any = any || cell == detail::Cell::number;
    }
    return any;
  }

  void name_columns() {
    while (index_columns_ < names_.size() && is_index_name(names_[index_columns_])) ++index_columns_;
    if (index_columns_ == names_.size()) refuse("no column has a name; the first row must be a header");
    if (numbers_only())
      refuse("a number where each column should have its name (" + detail::shown(names_[index_columns_]) +
             " ...); the first row must be a header");
    if (index_columns_ > 0) report_.index_column = names_[0].empty() ? "Unnamed: 0" : names_[0];
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t i = index_columns_; i < names_.size(); ++i) {
      if (names_[i].empty()) {
        names_[i] = "Unnamed: " + to_text(i);  // as pandas does
        nameless_.push_back(i);
      }
    }
    for (std::size_t i = index_columns_; i < names_.size(); ++i) {
      const auto [other, fresh] = seen.emplace(names_[i], i);
      if (!fresh)
        refuse("columns " + to_text(other->second + 1) + " and " + to_text(i + 1) + " are both named " +
               detail::shown(names_[i]) + "; rename or remove one");
    }
  }

  void read_row() {
    const std::size_t width = names_.size();
    double* const cells = block_.data() + filled_ * width;
    std::size_t column = 0;
    for (;;) {
      double value = 0;
      const char* stop = detail::read_decimal(at_, end_, value);
      if (stop != nullptr && end_ - stop >= 2 && stop[0] == '\r' && stop[1] == '\n') {
        report_.had_crlf = true;
        ++stop;
      }
      if (stop != nullptr && (stop == end_ || *stop == options_.separator || *stop == '\n')) [[likely]] {
        at_ = stop;
      } else {
        value = odd_cell(column);
      }
      if (column < width) cells[column] = value;
      ++column;
      if (at_ == end_ || *at_ == '\n') break;
      ++at_;
    }
    if (column != width) {
      if (!options_.lenient)
        refuse(to_text(column) + " fields where the header has " + to_text(width) + "; the row is damaged");
      ++report_.ragged_rows;
      note(to_text(column) + " fields where the header has " + to_text(width));
      std::fill(cells + std::min(column, width), cells + width, missing);
    }
    count_row(cells);
    if (at_ != end_) end_line();
  }

  void count_row(const double* cells) {
    bool starts = rows_ == 0;
    for (std::size_t i = 0; i < index_columns_; ++i) {
      // 1.5, not 1: an index of time stamps is never exactly a second apart. A missing index says nothing.
      constexpr double largest_step = 1.5;
      starts = starts || cells[i] <= previous_index_[i] || cells[i] > previous_index_[i] + largest_step;
      previous_index_[i] = cells[i];
    }
    if (starts) starts_.push_back(rows_);
    ++rows_;
    if (rows_ * names_.size() > options_.max_cells)
      refuse("the table has more than " + to_text(options_.max_cells) + " cells; read it in parts");
    if (++filled_ == block_rows_) flush();
  }

  /// A cell that is not a plain number right up to its delimiter.
  double odd_cell(std::size_t column) {
    const Field field = take_field();
    double value = missing;
    switch (field.malformed ? detail::Cell::bad : detail::read_cell(trimmed(field.text), value)) {
      case detail::Cell::number:
        return value;
      case detail::Cell::missing:
        ++report_.missing_cells;
        return missing;
      case detail::Cell::infinite:
        ++report_.infinite_cells;
        note(column_words(column) + detail::shown(field.text) +
             " is infinite or beyond float64; read as missing");
        return missing;
      case detail::Cell::bad:
        break;
    }
    const auto what = column_words(column) + detail::shown(field.text) + " is not a number";
    if (!options_.lenient) refuse(what + " (for a missing value leave the cell empty)");
    ++report_.bad_cells;
    note(what);
    return missing;
  }

  [[nodiscard]] std::string column_words(std::size_t column) const {
    if (column >= names_.size()) return "field " + to_text(column + 1) + ": ";
    return "column " + detail::shown(names_[column]) + ": ";
  }

  void flush() {
    if (filled_ == 0) return;
    const std::size_t width = names_.size();
    if (rows_ == filled_) reserve();
    for (std::size_t column = index_columns_; column < width; ++column) {
      auto& values = columns_[column];
      const double* cell = block_.data() + column;
      for (std::size_t row = 0; row < filled_; ++row, cell += width) values.push_back(*cell);
    }
    filled_ = 0;
  }

  /// Once, from the length of the first rows.
  void reserve() {
    const double bytes_per_row = static_cast<double>(at_ - data_begin_) / static_cast<double>(rows_);
    const double remaining = static_cast<double>(end_ - at_) / std::max(1.0, bytes_per_row);
    double expected = static_cast<double>(rows_) + remaining * 1.02;
    expected = std::min(expected, static_cast<double>(options_.row_end - options_.row_begin));
    expected =
        std::min(expected, static_cast<double>(options_.max_cells) / static_cast<double>(names_.size()));
    for (auto& values : columns_) values.reserve(static_cast<std::size_t>(expected));
  }

  Table finish() {
    for (const auto i : nameless_) {  // a separator at the end of each line makes a column of nothing
      if (!std::all_of(columns_[i].begin(), columns_[i].end(), [](double v) { return std::isnan(v); }))
        continue;
      note("column " + to_text(i + 1) + " has neither name nor values; dropped");
      report_.missing_cells -= std::min<std::uint64_t>(report_.missing_cells, columns_[i].size());
      names_[i].clear();
    }
    Table table;
    for (std::size_t i = index_columns_; i < names_.size(); ++i)
      if (!names_[i].empty()) table.add_column(std::move(names_[i]), std::move(columns_[i]));
    table.set_experiment_starts(std::move(starts_));
    return table;
  }

  const char* at_;
  const char* end_;
  const std::string& source_;
  const CsvOptions& options_;
  CsvReport& report_;

  std::int64_t line_ = 1;
  std::int64_t quoted_lines_ = 0;  ///< line ends inside the quoted fields of this row
  bool quotes_are_text_ = false;
  std::string scratch_;

  std::vector<std::string> names_;
  std::size_t index_columns_ = 0;       ///< the first so many columns
  std::vector<double> previous_index_;  ///< of the row before
  std::vector<std::size_t> nameless_;   ///< columns without a name that are not the index
  std::vector<std::vector<double>> columns_;
  std::vector<std::size_t> starts_;
  std::size_t rows_ = 0;
  const char* data_begin_ = nullptr;

  std::vector<double> block_;
  std::size_t block_rows_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options,
                CsvReport* report) {
  CsvReport unused;
  CsvReport& filled = report == nullptr ? unused : *report;
  filled = {};
  if (text.size() > options.max_bytes)
    throw InputError(source + " has " + to_text(text.size()) + " bytes; at most " +
                     to_text(options.max_bytes) + " are read");
  return CsvReader(text, source, options, filled).read();
}

Table read_csv(const std::filesystem::path& path, const CsvOptions& options, CsvReport* report) {
  const MappedFile file(path, options.max_bytes);
  return parse_csv(file.bytes(), path.string(), options, report);
}

}  // namespace drst
