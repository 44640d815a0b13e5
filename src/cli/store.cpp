// drst store: what waits for upload to an S3 store, and getting it there.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/upload_watch.h"
#include "store/s3_open.h"
#include "store/s3_store.h"
#include "store/spool.h"
#include "store/uploader.h"

namespace drst::cli {

namespace {

constexpr auto look_again = std::chrono::milliseconds(100);
constexpr double probe_s = 5;  // a person waits

std::string trim_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// nullopt: it answers and lets us in.
std::optional<Error> fault_of_service(const Context& context) {
  try {
    S3Settings once = context.config.s3;
    once.retries = 0;
    for (double* limit : {&once.connect_timeout_s, &once.stall_timeout_s, &once.deadline_s})
      *limit = std::min(*limit, probe_s);
    S3Store(context.store_url, once).check();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

/// How to upload what waits there; "": nobody knows how its store is spelled.
std::string flush_of(const Context& context, const OtherSpool& other) {
  if (other.endpoint.empty()) return {};
  return "drst store flush --store " + context.store_url + " --set s3.endpoint=" + other.endpoint +
         " --set s3.addressing=" + other.addressing;
}

std::string in_words(const Context& context, const OtherSpool& other) {
  const std::string flush = flush_of(context, other);
  return to_text(other.waiting) + " objects, " + to_text(other.bytes) + " bytes in " + other.folder.string() +
         (flush.empty() ? ", perhaps of this store at another s3.endpoint; `drst store flush` with that "
                          "endpoint, spelled as it was, uploads them"
                        : ", for " + other.endpoint + ", with the other settings as here: `" + flush + "`");
}

int status(const Context& context, UploadQueue& queue) {
  std::uint64_t bytes = 0, telemetry = 0;
  const auto waiting = queue.waiting();
  for (const auto& upload : waiting) {
    bytes += upload.bytes;
    telemetry += upload_order(upload.key) == UploadOrder::droppable ? 1 : 0;
  }
  const auto refusal = fault_of_service(context);
  const std::string fault = refusal ? refusal->what() : "";
  const auto others = other_spools(queue.folder(), S3Store(context.store_url, context.config.s3));
  const std::string trouble = read_file_if_exists(queue.folder() / "trouble", 1 << 16).value_or("");
  if (context.json) {
    nlohmann::ordered_json object;
    object["store"] = context.store_url;
    object["folder"] = queue.folder().string();
    object["reachable"] = fault.empty();
    object["fault"] = fault;
    object["waiting"] = waiting.size();
    object["waiting_bytes"] = bytes;
    object["waiting_telemetry"] = telemetry;
    object["next"] = waiting.empty() ? "" : waiting.front().key;
    object["refused"] = queue.refused();
    object["dropped_telemetry"] = queue.dropped();
    object["last_trouble"] = trim_end(trouble);
    object["elsewhere"] = nlohmann::ordered_json::array();
    for (const auto& other : others)
      object["elsewhere"].push_back({{"folder", other.folder.string()},
                                     {"endpoint", other.endpoint},
                                     {"waiting", other.waiting},
                                     {"waiting_bytes", other.bytes},
                                     {"flush", flush_of(context, other)}});
    std::puts(object.dump(1).c_str());
    if (refusal) throw Error(*refusal);
    return 0;
  }
  const auto line = [](const char* name, const std::string& value) {
    std::printf("%-11s%s\n", name, value.c_str());
  };
  line("store", context.store_url + (refusal ? "" : ", which answers"));
  line("folder", queue.folder().string());
  line("waiting", to_text(waiting.size()) + " objects, " + to_text(bytes) + " bytes (" + to_text(telemetry) +
                      " of telemetry)" + (waiting.empty() ? "" : "; next " + waiting.front().key));
  if (queue.refused() > 0)
    line("refused", to_text(queue.refused()) + " objects, in " + (queue.folder() / "refused").string());
  if (queue.dropped() > 0)
    line("dropped", to_text(queue.dropped()) + " objects of telemetry, for want of room");
  if (!trouble.empty()) line("trouble", trim_end(trouble));
  for (const auto& other : others) line("elsewhere", in_words(context, other));
  if (refusal) {
    std::fflush(stdout);  // before the error, where both are on one terminal
    throw Error(*refusal);
  }
  return 0;
}

enum class Until { first_failure, empty, stopped };

int upload(const Context& context, UploadQueue& queue, Until until) {
  const SystemClock clock;
  UploadWatch watch(queue);
  const auto there = make_s3_for_uploads(context.store_url, context.config.s3, {},
                                         [&watch](const S3Try& attempt) { watch.trying(attempt); });
  Uploader uploader(queue, *there, clock, context.config.store, std::random_device{}());
  uint64_t count = 0;
  while (!stop_requested()) {
    const Step step = uploader.step();
    watch.resting(step == Step::idle && uploader.elsewhere());
    if (step == Step::worked) {
      ++count;
      continue;
    }
    if (uploader.trouble() && until == Until::first_failure) throw Error(*uploader.trouble());
    if (until != Until::stopped && queue.waiting().empty()) break;
    std::this_thread::sleep_for(look_again);  // another process uploads, or it is not yet time to try again
  }
  const auto left = queue.waiting().size();
  log::info(to_text(count) + " uploads; " + (left == 0 ? "nothing waits" : to_text(left) + " objects wait"));
  return until == Until::stopped ? 0 : exit_code(left == 0);
}

}  // namespace

void add_store(CLI::App& app, Context& context) {
  auto* store = app.add_subcommand("store", "what waits for upload to an s3:// store: status, flush, sync");
  store->require_subcommand(1);
  using Work = std::function<int(UploadQueue&)>;
  const auto command = [&context, store](const char* name, const char* what, unsigned also, Work work) {
    auto* sub = store->add_subcommand(name, what);
    context.add_common(*sub, Context::with_store | also);
    sub->callback([&context, work = std::move(work)] {
      context.action = [&context, work] {
        context.load();
        if (!context.store_url.starts_with("s3:"))
          throw InputError("--store '" + context.store_url +
                           "' has no uploads: they are of s3://bucket[/prefix] only");
        const auto behind = make_s3_write_behind(context.store_url, context.config.store, context.config.s3);
        return work(behind->queue());
      };
    });
    return sub;
  };
  command(
      "status",
      "what waits, and whether the service answers: 0 if it does, 4 if it cannot be reached, 3 if it refuses",
      Context::with_json, [&context](UploadQueue& queue) { return status(context, queue); });
  command("flush", "upload all that waits; the first failure ends it", Context::none,
          [&context](UploadQueue& queue) { return upload(context, queue, Until::first_failure); });
  auto follow = std::make_shared<bool>(false);
  command("sync", "upload all that waits, through outages", Context::none,
          [&context, follow](UploadQueue& queue) {
            return upload(context, queue, *follow ? Until::stopped : Until::empty);
          })
      ->add_flag("--follow", *follow, "and what comes, until it is stopped");
}

}  // namespace drst::cli
