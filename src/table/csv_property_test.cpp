// Properties of reading and writing CSV that must hold for any content.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <set>

#include "base/decimal.h"
#include "base/error.h"
#include "base/text.h"
#include "table/csv.h"

namespace drst {
namespace {

rc::Gen<double> any_double() {
  return rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) {
    const double value = std::bit_cast<double>(bits);
    return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
  });
}

/// Names with everything a name may hold, but none that mean an index column.
rc::Gen<std::string> any_name() {
  return rc::gen::suchThat(
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab_-,\"\n\r .<>'0;\t\xC3\xA9"))),
      [](const std::string& name) { return name.find_first_not_of(" \t\r\n") != std::string::npos; });
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

RC_GTEST_PROP(CsvProperty, ATableReadsBackAsItWasWritten, ()) {
  const auto names = *rc::gen::container<std::set<std::string>>(any_name());
  RC_PRE(!names.empty());
  const auto rows = *rc::gen::inRange<std::size_t>(0, 30);
  const bool index = *rc::gen::arbitrary<bool>();
  Table table;
  for (const auto& name : names)
    table.add_column(name, *rc::gen::container<std::vector<double>>(rows, any_double()));
  std::vector<std::size_t> starts;
  for (std::size_t row = 0; row < rows; ++row)
    if (row == 0 || (index && *rc::gen::inRange(0, 4) == 0)) starts.push_back(row);
  table.set_experiment_starts(starts);

  if (std::all_of(names.begin(), names.end(),
                  [](const auto& name) { return parse_double(name).has_value(); })) {
    RC_ASSERT_THROWS_AS(parse_csv(to_csv(table, index), "t.csv"),
                        InputError);  // looks as if it had no header
    return;
  }
  CsvReport report;
  const Table back = parse_csv(to_csv(table, index), "t.csv", {}, &report);
  RC_ASSERT(back.names() == table.names());
  RC_ASSERT(back.rows() == rows);
  RC_ASSERT(back.experiment_starts() == starts);
  for (std::size_t column = 0; column < table.columns(); ++column)
    for (std::size_t row = 0; row < rows; ++row) RC_ASSERT(same(back.at(row, column), table.at(row, column)));
}

RC_GTEST_PROP(CsvProperty, DecimalsAreCorrectlyRounded, ()) {
  const auto digits = rc::gen::container<std::string>(rc::gen::inRange('0', static_cast<char>('9' + 1)));
  std::string text =
      *rc::gen::element<std::string>("", "-") + *digits + *rc::gen::element<std::string>("", ".") + *digits;
  double value = 0;
  const char* const stop = detail::read_decimal(text.data(), text.data() + text.size(), value);
  if (text.find_first_of("0123456789") == std::string::npos) {
    RC_ASSERT(stop == nullptr);
    return;
  }
  RC_ASSERT(stop == text.data() + text.size());
  RC_ASSERT(same(value, std::strtod(text.c_str(), nullptr)));  // glibc rounds correctly
}

RC_GTEST_PROP(CsvProperty, AnyBytesGiveATableOrAnInputError, ()) {
  const auto text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a1,.\"\n\r -e<>\0\xFF", 15)));
  CsvOptions options;
  options.lenient = *rc::gen::arbitrary<bool>();
  try {
    const Table table = parse_csv(text, "t.csv", options);
    for (std::size_t column = 0; column < table.columns(); ++column)
      RC_ASSERT(table.column(column).size() == table.rows());
  } catch (const InputError&) {
  }
}

}  // namespace
}  // namespace drst
