// A doubly linked list through a hook inside its members: insertion and removal in constant time, no allocation, and a member
// that is destroyed leaves by itself. Not thread-safe.
#pragma once

#include <cstddef>

namespace portico {

// Base of whatever stands in an IntrusiveList<T, Tag>. Tag tells several lists of one object apart.
template <class Tag = void>
class ListHook {
  public:
    ListHook() = default;
    ListHook(const ListHook&) = delete;
    ListHook& operator=(const ListHook&) = delete;
    ~ListHook() { unlink(); }

    bool linked() const { return next_ != nullptr; }
    void unlink() {
        if (next_ == nullptr) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }

  private:
    template <class, class>
    friend class IntrusiveList;
    ListHook* next_ = nullptr;
    ListHook* prev_ = nullptr;
};

// T derives from ListHook<Tag>. Members are not owned.
template <class T, class Tag = void>
class IntrusiveList {
    using Hook = ListHook<Tag>;

  public:
    IntrusiveList() { root_.next_ = root_.prev_ = &root_; }
    ~IntrusiveList() {
        clear();
        root_.next_ = root_.prev_ = nullptr;
    }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    bool empty() const { return root_.next_ == &root_; }
    T& front() { return *static_cast<T*>(root_.next_); }
    T& back() { return *static_cast<T*>(root_.prev_); }

    void push_back(T& member) { insert_before(root_, member); }
    void push_front(T& member) {
        // First of all: it may be the one before which it would stand.
        static_cast<Hook&>(member).unlink();
        insert_before(*root_.next_, member);
    }
    T* pop_front() {
        if (empty()) return nullptr;
        T& m = front();
        static_cast<Hook&>(m).unlink();
        return &m;
    }
    void clear() {
        while (!empty()) root_.next_->unlink();
    }
    // Moves every member of `other` to the end of this list, in order.
    void splice_back(IntrusiveList& other) {
        if (other.empty()) return;
        Hook* const first = other.root_.next_;
        Hook* const last = other.root_.prev_;
        other.root_.next_ = other.root_.prev_ = &other.root_;
        first->prev_ = root_.prev_;
        root_.prev_->next_ = first;
        last->next_ = &root_;
        root_.prev_ = last;
    }
    // Calls f(member) for each; f may unlink the member that it was given.
    template <class F>
    void for_each(F&& f) {
        for (Hook* h = root_.next_; h != &root_;) {
            Hook* next = h->next_;
            f(*static_cast<T*>(h));
            h = next;
        }
    }
    // Calls f(member) from the front until it returns false. f must not unlink.
    template <class F>
    void for_each_while(F&& f) {
        for (Hook* h = root_.next_; h != &root_ && f(*static_cast<T*>(h));) h = h->next_;
    }

  private:
    static void insert_before(Hook& at, T& member) {
        Hook& h = member;
        h.unlink();
        h.next_ = &at;
        h.prev_ = at.prev_;
        at.prev_->next_ = &h;
        at.prev_ = &h;
    }

    Hook root_;
};

}  // namespace portico
