from django.urls import path

from . import views

urlpatterns = [path("billing/payment-methods", views.payment_methods)]
