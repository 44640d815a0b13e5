#include "ingest/datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <tuple>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "python_server.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// tests/http_fault_server.py as a child process.
class FaultServer {
 public:
  explicit FaultServer(const fs::path& content) : server_("http_fault_server.py", content.string()) {}
  [[nodiscard]] std::string url(const std::string& fault) const { return server_.url() + "/" + fault; }

 private:
  PythonServer server_;
};

class DatasetsFetch : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::setenv("no_proxy", "127.0.0.1", 1);
    log::set_level(log::Level::error);
    source = new TemporaryFolder();
    std::string text = "output_rate,a\n";
    for (int r = 0; r < 20'000; ++r) text += to_text(r) + "," + to_text(r * r) + "\n";
    write_file_atomic(source->path() / "table.csv", text, Sync::no);
    content = text;
    server = new FaultServer(source->path() / "table.csv");
  }
  static void TearDownTestSuite() {
    delete server;
    delete source;
  }

  void SetUp() override {
    settings.retry_wait_s = 0.01;
    settings.retries = 3;
    file = {"datasets/table.csv", git_blob_id(content), content.size()};
  }
  FetchedFile fetch(const std::string& fault, Overwrite overwrite = Overwrite::no) {
    settings.base_url = server->url(fault);
    return fetch_datasets({file}, folder.path(), settings, overwrite).at(0);
  }
  /// Exit code and words of a fetch that fails; it leaves nothing under the table's name.
  std::pair<ExitCode, std::string> failure_of(const std::string& fault) {
    try {
      fetch(fault);
    } catch (const Error& error) {
      EXPECT_FALSE(fs::exists(folder.path() / "table.csv"));
      return {error.exit_code(), error.what()};
    }
    return {ExitCode::ok, ""};
  }
  void expect_fetched(const FetchedFile& fetched) {
    EXPECT_EQ(fetched.path, folder.path() / "table.csv");
    EXPECT_EQ(fetched.bytes, content.size());
    EXPECT_EQ(read_file(fetched.path) == content, true);
    EXPECT_FALSE(fs::exists(folder.path() / "table.csv.part"));
  }

  static inline TemporaryFolder* source = nullptr;
  static inline FaultServer* server = nullptr;
  static inline std::string content;
  TemporaryFolder folder;
  DatasetSettings settings;
  DatasetFile file;
};

TEST_F(DatasetsFetch, FetchesAndKnowsWhatIsThere) {
  std::uint64_t last = 0;
  settings.base_url = server->url("good");
  const auto fetched = fetch_datasets({file}, folder.path() / "new" / "folder", settings, Overwrite::no,
                                      [&](const FetchProgress& progress) {
                                        EXPECT_GT(progress.bytes, last);
                                        EXPECT_EQ(progress.total, content.size());
                                        last = progress.bytes;
                                      });
  EXPECT_EQ(last, content.size());
  EXPECT_FALSE(fetched[0].was_there);
  EXPECT_EQ(fetched[0].transferred, content.size());
  expect_fetched(fetch("good"));
  const auto again = fetch("dead");  // nobody is asked
  EXPECT_TRUE(again.was_there);
  EXPECT_EQ(again.transferred, 0u);
}

TEST_F(DatasetsFetch, GoesOnAfterACut) {
  const auto fetched = fetch("cut");
  expect_fetched(fetched);
  EXPECT_EQ(fetched.transferred, content.size()) << "no byte twice";
}

TEST_F(DatasetsFetch, GoesOnInALaterCall) {
  settings.retries = 0;
  file.path = "later/table.csv";
  EXPECT_EQ(failure_of("cut").first, ExitCode::unreachable);
  EXPECT_EQ(fs::file_size(folder.path() / "table.csv.part"), content.size() / 2);
  const auto fetched = fetch("cut");
  expect_fetched(fetched);
  EXPECT_EQ(fetched.transferred, content.size() - content.size() / 2);
}

TEST_F(DatasetsFetch, BeginsAnewWithoutRanges) {
  const auto fetched = fetch("norange");
  expect_fetched(fetched);
  EXPECT_EQ(fetched.transferred, content.size() + content.size() / 2);
}

TEST_F(DatasetsFetch, BeginsAnewIfThePartIsOfAnotherFile) {
  write_file_atomic(folder.path() / "table.csv.part", "something else", Sync::no);
  expect_fetched(fetch("good"));
  fs::remove(folder.path() / "table.csv");
  write_file_atomic(folder.path() / "table.csv.part", std::string(content.size(), 'x'), Sync::no);  // 416
  expect_fetched(fetch("good"));
}

TEST_F(DatasetsFetch, TakesAWholePart) {
  write_file_atomic(folder.path() / "table.csv.part", content, Sync::no);
  const auto fetched = fetch("good");
  expect_fetched(fetched);
  EXPECT_EQ(fetched.transferred, 0u);
}

TEST_F(DatasetsFetch, FollowsRedirectsAndOutlastsServerErrors) {
  expect_fetched(fetch("moved"));
  fs::remove(folder.path() / "table.csv");
  expect_fetched(fetch("flaky"));
}

TEST_F(DatasetsFetch, WithoutSizeByTheLimit) {
  file.bytes.reset();
  expect_fetched(fetch("good"));
  fs::remove(folder.path() / "table.csv");
  settings.max_bytes = 1000;
  const auto [code, words] = failure_of("good");
  EXPECT_EQ(code, ExitCode::failed);
  EXPECT_THAT(words, HasSubstr("more than 1000 bytes"));
}

TEST_F(DatasetsFetch, WithoutSizeTheBlobIdTells) {
  file.bytes.reset();
  for (const char* fault : {"other", "long", "short"})
    EXPECT_THAT(failure_of(fault).second, HasSubstr("instead of " + file.git_blob_id)) << fault;
  std::optional<std::uint64_t> total;
  settings.base_url = server->url("cut");
  const auto fetched = fetch_datasets({file}, folder.path(), settings, Overwrite::no,
                                      [&](const FetchProgress& progress) { total = progress.total; });
  expect_fetched(fetched.at(0));
  EXPECT_EQ(total, content.size()) << "known in the end";
}

TEST_F(DatasetsFetch, GoesWithoutAnOptionalFile) {
  settings.base_url = server->url("missing");
  file.optional = true;
  EXPECT_TRUE(fetch_datasets({file}, folder.path(), settings).empty());
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_EQ(failure_of("dead").first, ExitCode::unreachable) << "who knows whether it is there";
}

TEST_F(DatasetsFetch, AcceptsNothingElse) {
  EXPECT_THAT(failure_of("other").second, HasSubstr("instead of " + file.git_blob_id));
  EXPECT_EQ(failure_of("other").first, ExitCode::failed);
  EXPECT_THAT(failure_of("long").second, HasSubstr("more than"));
  EXPECT_THAT(failure_of("short").second, HasSubstr("bytes instead of"));
  EXPECT_EQ(failure_of("missing").first, ExitCode::failed);
  EXPECT_THAT(failure_of("missing").second, HasSubstr("status 404"));
}

TEST_F(DatasetsFetch, SaysWhenNobodyAnswers) {
  settings.retries = 1;
  auto [code, words] = failure_of("dead");
  EXPECT_EQ(code, ExitCode::unreachable);
  EXPECT_THAT(words, HasSubstr("status 503 (tried 2 times)"));
  settings.stall_timeout_s = 1;
  settings.retries = 0;
  std::tie(code, words) = failure_of("stall");
  EXPECT_EQ(code, ExitCode::unreachable);
  EXPECT_THAT(words, HasSubstr("no byte for 1 s"));
  settings.base_url = "http://127.0.0.1:1/";  // reserved, nobody listens
  try {
    fetch_datasets({file}, folder.path(), settings);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::unreachable);
    EXPECT_THAT(error.what(), HasSubstr("check network and proxy"));
  }
  settings.base_url = "file:///etc/";
  EXPECT_THROW(fetch_datasets({file}, folder.path(), settings), InputError);
}

TEST_F(DatasetsFetch, LeavesAnothersFileAlone) {
  write_file_atomic(folder.path() / "table.csv", "mine", Sync::no);
  EXPECT_THROW(fetch("good"), InputError);
  EXPECT_EQ(read_file(folder.path() / "table.csv"), "mine");
  expect_fetched(fetch("good", Overwrite::yes));
}

TEST(PublishedDatasets, AreNamed) {
  std::vector<std::string> names;
  for (const auto& file : published_datasets()) {
    names.push_back(file.name());
    EXPECT_EQ(file.git_blob_id.size(), 40u);
  }
  EXPECT_THAT(names,
              ElementsAre("combined.csv", "random_rates.csv", "resource_stimulus_global_A-B-C_modified.csv",
                          "intervention_global.csv", "dag-1_resource_stimulus_global_A-B-C.csv"));
}

}  // namespace
}  // namespace drst
