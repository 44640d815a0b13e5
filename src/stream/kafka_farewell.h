// How a member of a Kafka group says that it leaves. Inside of kafka_log.h.
//
// A static member says farewell only when it unsubscribes, not when it is closed (KIP-345), and only by an id
// that it is told when the group lets it in, which waits for the next polls of the others. Without a farewell
// its partitions would be nobody's until its lease has run out; by then, at the end of a stream, the others
// may have left. So who is in says it at once, and who is still being let in leaves a thread behind that says
// it later: whoever leaves waits for nobody, least of all for members that the same thread polls. Any thread
// may use Farewells.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "stream/kafka_handle.h"

namespace drst::kafka {

/// What a handle of a member is asked to do with its partitions, as its callback has noted it.
struct Rebalance {
  bool assign = false;
  PartitionList partitions;
};
struct MemberNotices : Notices {
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                           void* opaque);
  std::unique_ptr<Rebalance> rebalance;  ///< asked for by the last poll
  bool dealt = false;                    ///< partitions, or none, at any time
};

/// Lets the handle take or give up partitions.
void answer(rd_kafka_t* handle, bool assign, const rd_kafka_topic_partition_list_t& list);
bool is_cooperative(rd_kafka_t* handle);

/// A member on its way out, and all that its handle needs. When this goes, it goes without a farewell.
struct Leaver {
  std::string where;  ///< for messages
  std::string group, instance, topic;
  std::chrono::milliseconds lease;
  bool sticky = false;  ///< has asked for cooperative-sticky assignment
  std::unique_ptr<MemberNotices> notices;
  Handle handle;

  Leaver() = default;
  Leaver(Leaver&&) = default;
  Leaver& operator=(Leaver&&) = delete;
  ~Leaver();
};

class Farewells {
 public:
  Farewells() = default;
  Farewells(const Farewells&) = delete;
  Farewells& operator=(const Farewells&) = delete;
  /// Waits for those that are still to be said, 2.5 s at most: a process that is asked to end does within 5.
  ~Farewells();

  /// Returns once the group has heard it, or will be told by a thread.
  void say(Leaver leaver);
  /// Who joins under this name takes the place of one that is still leaving, which must not come after it.
  void drop(const std::string& group, const std::string& instance);

 private:
  struct Pending {
    std::string group, instance;
    bool over = false;  // under mutex_
    std::jthread thread;
  };
  std::mutex mutex_;
  std::list<Pending> pending_;
};

}  // namespace drst::kafka
