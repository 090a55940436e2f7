// Which connection of a worker gives way to a newcomer. One order decides:
//
//   1. those that have had their last response and only wait for the client's end, the longest-waiting first;
//   2. of the host that has the most connections: those that never carried a request, then those that wait for their next one, the
//      longest-waiting first each.
//
// So whoever opens connections by the hundred gives way to himself. A host is IpAddress::of_host(). Who is being served is in no list.
// Costs: constant as connections come, go and are used. next() takes a step for each number of connections from the most that a host has
// downward, and one for each host all of whose connections are being served, which is then not looked at before one of them waits again: over
// many calls, no more than connections have come and waited.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "base/keyed_hash.h"

namespace portico::edge {

class Eviction {
  public:
    struct Tag;
    struct Bucket;
    class Host;

    // Base of a connection. Every idle one has it: it says no more than it must.
    class Member : private ListHook<Tag> {
      public:
        // Between requests, or in the head of its first or next one. @param used it has carried one
        void waits(bool used) {
            (used ? host_->waiting_ : host_->unused_).push_back(*this);
            if (!host_->stands_by_count()) host_->eviction_->stand_by_count(*host_);
        }
        // Its last response has left.
        void lingers() { host_->eviction_->lingering_.push_back(*this); }
        // It carries a request.
        void is_served() { unlink(); }

      protected:
        Member(Eviction& eviction, const IpAddress& client) : host_(&eviction.enter(client)) {}
        ~Member() { host_->eviction_->leave(*host_); }

      private:
        friend class Eviction;
        template <class, class>
        friend class portico::IntrusiveList;
        Host* host_;
    };

    class Host : private ListHook<Bucket> {
      private:
        friend class Eviction;
        friend class Member;
        template <class, class>
        friend class portico::IntrusiveList;
        bool stands_by_count() const { return linked(); }
        Eviction* eviction_ = nullptr;
        IpAddress address_;
        uint32_t connections_ = 0;
        IntrusiveList<Member, Tag> unused_;
        IntrusiveList<Member, Tag> waiting_;
    };

    // Takes the one that is to go out of its list. @returns nullptr where all are being served
    Member* next();
    // Whether next() is one that has had its last response.
    bool any_lingers() const { return !lingering_.empty(); }

  private:
    struct Hash {
        size_t operator()(const IpAddress& a) const { return SeededHash()({reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size()}); }
    };

    Host& enter(const IpAddress& client);
    void leave(Host& host);
    void count(Host& host, uint32_t connections);
    void stand_by_count(Host& host);

    IntrusiveList<Member, Tag> lingering_;
    std::unordered_map<IpAddress, Host, Hash> hosts_;  // nodes stay where they are
    // Hosts with so many connections: each of which one waits, and some of which none does; who came to it last at the end. The lists stay in place.
    std::deque<IntrusiveList<Host, Bucket>> by_count_;
    uint32_t most_ = 0;  // beyond it the lists are empty
};

}  // namespace portico::edge
