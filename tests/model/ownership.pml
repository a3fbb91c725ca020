/* ownership.pml - who may speak: the owner of a conversation and the life of the bot's messages, as a model for Spin.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One conversation; a bot whose turn says one or two messages, perhaps with a handoff; a sender for each, with a successor
 * where one died; two people who take it over and give it back; a customer who writes again or asks for a person. A
 * transaction of the program is an atomic step here, because each locks the conversation's row. Between two of them (the
 * model thinks, a call is under way, a person reads the screen) anybody else may step in, and Spin tries every way.
 *
 *   program                                       here
 *   conversations.owner, owner_user, version      owner, who, version
 *   bot/turn.c: look, commit                      bot(): LOOK, COMMIT
 *   outbox/send.c: permit, call, record           sender(): PERMIT, CALL, RECORD
 *   conversation_take, _release, _assign          person()
 *   conversation_request_handoff                  customer(), bot()
 *
 * Promises, each an assertion:
 *   1  a message of the bot is let go only while no person has taken over since its turn looked
 *   2  none is queued after a takeover either
 *   3  of two people one has it
 *   4  a message is accepted by the provider at most once, whoever dies in between
 *
 * The lines marked CAS keep them. check.sh takes each away in a copy and expects Spin to find the way to a broken promise.
 */

#define MESSAGES 2
#define CHANGES  4 /* of owner, all together: keeps the model finite */
#define WRITES   3

#define FREE      0
#define QUEUED    1
#define SENDING   2
#define SENT      3
#define CANCELLED 4
#define UNCERTAIN 5

mtype = { BOT, NOBODY, PERSON };

mtype owner = BOT;
byte who = 0;     /* the person who has it */
byte version = 0; /* owner_version */
byte changes = 0;
byte inbound = 1, answered = 0;
byte taken = 0; /* how often a person took it */

byte status[MESSAGES];
byte msg_version[MESSAGES];
byte looked_at[MESSAGES]; /* `taken` when its turn looked */
byte accepted[MESSAGES];

/* Every change of owner: the version goes up, what is queued is cancelled. */
inline change(new_owner, new_who) {
    owner = new_owner;
    who = new_who;
    version++;
    changes++;
    i = 0;
    do
    :: i < MESSAGES ->
        if
        :: status[i] == QUEUED -> status[i] = CANCELLED /* WITHDRAW */
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

inline queue_replies() {
    i = 0;
    do
    :: i < MESSAGES ->
        status[i] = QUEUED;
        msg_version[i] = version;
        looked_at[i] = saw_taken;
        accepted[i] = 0;
        i++
    :: i > 0 -> break /* one message is an answer, too */
    od;
    i = 0
}

/* A turn comes when something is unanswered and the last one's messages are through. Its job may die anywhere and runs
 * again, from the look. */
active proctype bot() {
    byte saw_version, saw_inbound, saw_taken, i;

    do
    :: atomic { /* LOOK */
           owner == BOT && inbound > answered && status[0] != QUEUED && status[0] != SENDING &&
               status[1] != QUEUED && status[1] != SENDING;
           saw_version = version;
           saw_inbound = inbound;
           saw_taken = taken
       }
       if
       :: true -> skip /* dies while the model thinks */
       :: true -> atomic { /* COMMIT */
              if
              :: !(owner == BOT && version == saw_version && inbound == saw_inbound) -> skip /* CAS turn */
              :: else ->
                  assert(taken == saw_taken && owner != PERSON); /* 2 */
                  answered = saw_inbound;
                  if
                  :: changes < CHANGES -> change(NOBODY, 0) /* a handoff and its farewell */
                  :: true -> skip
                  fi;
                  queue_replies()
              fi;
              saw_version = 0;
              saw_inbound = 0;
              saw_taken = 0
          }
       fi
    od
}

/* Runs of the send job of message m. One that finds its message SENDING is the successor of one that died. */
active [MESSAGES] proctype sender() {
    byte m = _pid - 1;
    bit may_call;

    do
    :: atomic { /* PERMIT */
           status[m] == QUEUED || status[m] == SENDING;
           may_call = 0;
           if
           :: status[m] == SENDING -> status[m] = UNCERTAIN /* never sent again: CAS once */
           :: status[m] == QUEUED && msg_version[m] != version -> status[m] = CANCELLED /* CAS send */
           :: else ->
               status[m] = SENDING;
               assert(looked_at[m] == taken && owner != PERSON); /* 1 */
               may_call = 1
           fi
       }
       if
       :: may_call ->
           if
           :: true -> skip /* dies before the call */
           :: true -> atomic { accepted[m]++; assert(accepted[m] == 1) } /* CALL: taken; 4 */
              if
              :: true -> skip /* dies behind it */
              :: atomic { status[m] == SENDING -> status[m] = SENT } /* RECORD */
              :: atomic { status[m] != SENDING -> skip } /* a successor has settled it */
              fi
           :: true -> atomic { /* CALL: refused for now; RECORD: queued again */
                  if
                  :: status[m] == SENDING -> status[m] = QUEUED
                  :: else
                  fi
              }
           fi
       :: else
       fi
    od
}

/* Looks at the screen, clicks, answers, gives it back or to the queue. */
active [2] proctype person() {
    byte i;

    do
    :: owner != PERSON -> /* what the screen shows */
       atomic {
           if
           :: owner == PERSON -> assert(who != 0 && who != _pid) /* told who has it: CAS take */
           :: else ->
               if
               :: changes < CHANGES ->
                   assert(owner != PERSON); /* 3 */
                   change(PERSON, _pid);
                   taken++
               :: else -> skip
               fi
           fi
       }
    :: atomic { owner == PERSON && who == _pid && answered < inbound -> answered = inbound }
    :: atomic { changes < CHANGES && owner == PERSON && who == _pid -> change(BOT, 0) }
    :: atomic { changes < CHANGES && owner == PERSON && who == _pid -> change(NOBODY, 0) }
    od
}

active proctype customer() {
    byte i;

    do
    :: atomic { inbound < WRITES -> inbound++ }
    :: atomic { changes < CHANGES && owner == BOT -> change(NOBODY, 0) } /* asks for a person */
    :: atomic { changes < CHANGES && owner == NOBODY -> change(BOT, 0) } /* … is given back by a deadline */
    od
}
