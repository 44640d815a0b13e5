#include "pipeline/config.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"

namespace drst {
namespace {

TEST(Config, TheDocumentedFileIsWhatTheProgramHas) {
  Config config;
  EXPECT_EQ(read_file(DRST_SOURCE_DIR "/config/drst.toml"), config.sections().to_toml(true))
      << "write it anew: build/bin/drst config > config/drst.toml";
}

TEST(Config, EverySettingHasAReason) {
  Config config;
  std::string text = config.sections().to_toml(true);
  std::size_t at = 0;
  bool comment = false;
  while (at < text.size()) {
    const auto end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find(" = ") != std::string::npos && !line.starts_with("#")) {
      EXPECT_TRUE(comment) << line << " has no comment";
    }
    comment = line.starts_with("# ");
  }
}

TEST(Config, TheDefaultsAreInRange) {
  Config config;
  Config other;
  other.sections().load_text(config.sections().to_toml(false), "defaults");
  EXPECT_EQ(other.sections().to_toml(true), config.sections().to_toml(true));
}

}  // namespace
}  // namespace drst
