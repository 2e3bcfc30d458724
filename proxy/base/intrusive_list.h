// Doubly linked list whose nodes live in the elements: no allocation, O(1) removal by the element itself.
// An element unlinks in its node's destructor, so a list never points at a dead object. One thread.
#pragma once

#include "base/check.h"

namespace weir {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <typename T, typename Tag>
  friend class IntrusiveList;
  ListNode* prev_ = this;
  ListNode* next_ = this;
};

// T derives from Tag, and Tag from ListNode: an element may be in as many lists as it has tags.
template <typename T, typename Tag = ListNode>
class IntrusiveList {
 public:
  bool empty() const { return !head_.linked(); }
  T& front() { return CHECK(!empty()), as_element(head_.next_); }
  void push_back(T& element) {
    ListNode& node = static_cast<Tag&>(element);
    DCHECK(!node.linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }
  T* pop_front() {
    if (empty()) return nullptr;
    T& element = front();
    static_cast<Tag&>(element).unlink();
    return &element;
  }
  // Moves every element of `other` to the end of this list.
  void take_all(IntrusiveList& other) {
    while (T* element = other.pop_front()) push_back(*element);
  }
  // `visit` may unlink the element it is given, and no other.
  template <typename Visitor>
  void for_each_safe(Visitor&& visit) {
    for (ListNode *node = head_.next_, *next; node != &head_; node = next) {
      next = node->next_;
      visit(as_element(node));
    }
  }

 private:
  static T& as_element(ListNode* node) { return static_cast<T&>(static_cast<Tag&>(*node)); }
  ListNode head_;
};

}  // namespace weir
